"""The errors that are for people.

Exception
├── UserError      a mistake the person can mend: one line with file, key and remedy, exit code 2
└── ClipFailure    one clip cannot be loaded or scored: recorded with its reason, the run goes on
"""

from __future__ import annotations


class UserError(Exception):
    """A mistake the person at the keyboard can mend; `main` prints it as one line and exits with 2.

    `message` says what is wrong and names file and key where there are any; `remedy` says what to do
    about it, in words that can be followed without reading the code.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = " ".join(str(message).split())
        self.remedy = " ".join(str(remedy).split())
        super().__init__(self.message, self.remedy)

    def __str__(self) -> str:
        return f"{self.message} — {self.remedy}" if self.remedy else self.message


class ClipFailure(Exception):
    """This one clip cannot be loaded, generated or scored.

    Raised by datasets, extractors and metrics. The reason is recorded beside the clip, the clip
    counts against coverage, and every other clip goes on.
    """

    def __init__(self, reason: str) -> None:
        self.reason = " ".join(str(reason).split())
        super().__init__(self.reason)


def in_one_line(error: BaseException) -> str:
    """Type and message of an exception nobody foresaw, as a reason: one line of up to 500 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
