"""The errors that are for people.

Exception
├── UserError      a mistake the person can fix: one line with file, key and remedy, exit code 2
└── ClipFailure    one clip cannot be loaded or scored: recorded with its reason, the run goes on
    └── Damaged    a stored file is not what was stored: ends the command, never recorded
"""

from __future__ import annotations

import errno

_MACHINE = frozenset(
    getattr(errno, name)
    for name in [
        "ENOSPC",
        "EDQUOT",
        "EMFILE",
        "ENFILE",
        "ENOMEM",
        "EIO",
        "EROFS",
        "EACCES",
        "EPERM",
        "ESTALE",
        "ENODEV",
    ]
    if hasattr(errno, name)
)
"""Error numbers that speak of the machine, whatever else an exception says of a file."""


class UserError(Exception):
    """A mistake the person can fix; `main` prints it as one line and exits with 2.

    `message` says what is wrong and names file and key where there are any; `remedy` says what to do
    about it, in words that can be followed without reading the code.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = one_line(message)
        self.remedy = one_line(remedy)
        super().__init__(self.message, self.remedy)

    def __str__(self) -> str:
        return f"{self.message} — {self.remedy}" if self.remedy else self.message


_LONGEST = 2000


def printable_text(text: str) -> str:
    """`?` for every character that is not shown: NUL, line breaks, U+202E, lone surrogates."""
    return "".join(c if c.isprintable() else "?" for c in text)


def one_line(text: str) -> str:
    """Without line breaks, control characters and what turns the order of letters; not endless."""
    line = printable_text(" ".join(str(text).split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


class ClipFailure(Exception):
    """This one clip cannot be loaded, generated or scored.

    Raised by datasets, extractors and metrics. The reason is recorded next to the clip, the clip
    counts against coverage, and every other clip goes on. With `again` the cause lies in a file
    outside, which may come or change: the next command asks again.
    """

    def __init__(self, reason: str, again: bool = False) -> None:
        self.reason = one_line(reason)
        self.again = again
        super().__init__(self.reason)


class Damaged(ClipFailure):
    """A file of a run folder is not what was stored there: a fault of the disk, not of the clip.

    file  which one; removed, it is made anew
    """

    def __init__(self, reason: str, file: str) -> None:
        self.file = file
        super().__init__(reason, again=True)


def machine_fault(error: BaseException) -> BaseException | None:
    """The fault of the machine (disk, memory, permission, network) behind an exception, or None.

    Any OSError and every form of out of memory is one. An exception that was raised from one, as a
    ClipFailure of a plugin that caught it, is one where the error number leaves no doubt: a missing
    or a damaged file is a fault of its clip, a full disk is not.
    """
    if _is_of_machine(error) or isinstance(error, Damaged):
        return error
    seen: set[int] = set()
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if is_out_of_memory(cause) or isinstance(cause, Damaged):
            return cause
        if isinstance(cause, OSError) and cause.errno in _MACHINE:
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """MemoryError, or torch's own, recognised without importing torch."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _is_of_machine(error: BaseException) -> bool:
    if is_out_of_memory(error):
        return True
    if not isinstance(error, OSError):
        return False
    # FFmpeg's errors about damaged media are OSErrors, too.
    return not type(error).__module__.startswith("av") or error.errno in _MACHINE


def stop_for_machine(error: BaseException, who: str) -> None:
    """Raise UserError where an exception of a plugin or a stage is a fault of the machine.

    Such a fault says nothing about a clip or a system, so it ends the command and is never stored.

    who  which plugin met it at what, for the message
    """
    fault = machine_fault(error)
    if isinstance(fault, Damaged):
        raise UserError(
            f"{who}: {fault.reason}",
            f"remove {fault.file} and run the same command again: it is made anew",
        ) from error
    if fault is not None:
        raise UserError(f"{who}: {in_one_line(fault)}", RESUME) from error


RESUME = (
    "no result was stored for it; free disk or memory or give access, and run the same command "
    "again: what was finished is kept"
)


def in_one_line(error: BaseException) -> str:
    """Type and message of an unexpected exception, as a reason: one line of up to 500 characters."""
    return one_line(f"{type(error).__name__}: {error}")[:500]
