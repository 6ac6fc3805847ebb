"""The generator `command`: any program, in whatever environment it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from thbench.api import ClipFailure, Context, Failure, Generated, Request, UserError, reading
from thbench_external.adopt import Adopter
from thbench_external.collected import Collected
from thbench_external.command_options import CommandOptions
from thbench_external.program import Program
from thbench_external.protocol import complaints
from thbench_external.session import Refused, Session
from thbench_external.settings_file import settings_text
from thbench_external.templates import fill, names_in
from thbench_external.training import declared
from thbench_external.versions import versions_of
from thbench_external.workspace import Given, Workspace, opaque_names, workspace

__all__ = ["CommandGenerator"]

_KEPT = 1_000_000  # bytes of what a failed program printed: a thousand clips may fail
_STARTS = 2  # starts in a row that may fail before a session is given up


class CommandGenerator:
    """Gives a program private copies of the requests and adopts what it writes.

    Raises UserError where a file of the program is not the one its options name by SHA-256.
    """

    def __init__(self, options: CommandOptions, context: Context) -> None:
        self._options, self._context = options, context
        self._adopter = Adopter(options, context)
        self._program = Program(options, context)
        self.trained_on = declared(options)
        self.about = self._program.about
        self._stack = ExitStack()
        self._session: Session | None = None
        self._space: Workspace | None = None
        self._failed_starts: list[str] = []
        self._size = 0  # of the session's requests, where its program was told one
        _verify(options)

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """What the program runs on, as it is here: recorded with the result."""
        return versions_of(self._options)

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        """One call for each request, one for all, or one line for each; a batch whose call fails is left
        to be retried one by one."""
        if self._options.call == "batch" and len(requests) > 1:
            with self._answered(requests) as answers:
                yield from answers
            return
        for request in requests:
            yield from self._persistently(request)

    def check(self, requests: Sequence[Request]) -> Sequence[str]:
        """What the program breaks of the line protocol; nothing is looked at in the other ways of calling."""
        if self._options.call != "session":
            return []
        with self._program.alone(), workspace() as space:
            values = self._values(space, self._write(space, requests[:1]))
            return complaints(self._program, space, values, requests)

    def close(self) -> None:
        """End the program of a session."""
        self._session = self._space = None
        self._stack.close()

    def __del__(self) -> None:
        if hasattr(self, "_stack"):
            self.close()

    def _persistently(self, request: Request) -> Iterator[Generated | Failure]:
        tries = self._options.retries + 1
        for attempt in range(1, tries + 1):
            with self._answered([request]) as (answer,):
                if isinstance(answer, Generated):
                    more = (f"made at attempt {attempt}",) if attempt > 1 else ()
                    yield replace(answer, changes=(*answer.changes, *more))
                    return
                if attempt == tries:
                    said = f" ({tries} attempts)" if tries > 1 else ""
                    yield replace(answer, reason=answer.reason + said)

    @contextmanager
    def _answered(self, requests: Sequence[Request]) -> Iterator[list[Generated | Failure]]:
        """The answers; files among them exist until the block ends."""
        if self._options.call == "session":
            yield [self._ask(requests[0])]
            return
        with workspace() as space:
            yield self._call(space, requests)

    def _call(self, space: Workspace, requests: Sequence[Request]) -> list[Generated | Failure]:
        given = self._write(space, requests)
        with self._program.alone():
            collected = Collected(self._options, self._program, space, given)
            try:
                self._program.run(space, self._values(space, given), len(given))
                return [self._answer(space, one, collected) for one in given]
            except ClipFailure as failure:
                if len(requests) > 1:
                    self._keep_log(space, given)
                    raise RuntimeError(_words(failure.reason, space, given[0])) from None
                return [self._failure(space, given[0], failure)]
            finally:
                collected.clean()

    def _ask(self, request: Request) -> Generated | Failure:
        """One line of a session, which is started where none is running."""
        if len(self._failed_starts) >= _STARTS:
            return Failure(request.clip_id, self._failed_starts[-1])
        space = self._private_space(request.size)
        space.clear()
        (given,) = self._write(space, [request])
        with self._program.alone():
            collected = Collected(self._options, self._program, space, [given])
            try:
                session = self._running(space, given)
                line = space.line(given, space.outputs / self._program.output(given))
                session.ask(line, given.name)
                return self._answer(space, given, collected)
            except Refused as refusal:
                return self._failure(space, given, refusal)
            except ClipFailure as failure:
                answer = self._failure(space, given, failure)
                self.close()
                return answer
            finally:
                collected.clean()

    def _private_space(self, size: int) -> Workspace:
        """The workspace of the session, which lives as long as the program does."""
        told = {name for text in self._templates for name in names_in(text)}
        fits = self._size == size or "size" not in told
        running = self._session is not None and self._session.is_running and fits
        if self._space is None or not running:
            self.close()
            self._space, self._size = self._stack.enter_context(workspace()), size
        return self._space

    def _running(self, space: Workspace, given: Given) -> Session:
        """Ready. Raises ClipFailure, and is not tried for every clip where it never gets ready."""
        if self._session is None:
            try:
                self._session = self._program.session(space, self._values(space, [given]))
            except ClipFailure as failure:
                reason = _words(failure.reason, space, given)
                self._failed_starts.append(f"{reason} (at its start)")
                raise
            self._failed_starts.clear()
            self._stack.callback(self._session.close)
        return self._session

    @property
    def _templates(self) -> tuple[str, ...]:
        options = self._options
        texts = (*options.argv, options.config, options.each, options.stdin)
        return (*texts, *options.env.values())

    def _write(self, space: Workspace, requests: Sequence[Request]) -> list[Given]:
        options = self._options
        names = opaque_names(requests)
        if options.clip_ids == "real":
            names = [_safe(r.clip_id) for r in requests]
        still = options.call != "clip" or "video" in names_in(" ".join(self._templates))
        return [
            space.write(r, n, still, options.alpha) for r, n in zip(requests, names, strict=True)
        ]

    def _values(self, space: Workspace, given: Sequence[Given]) -> dict[str, object]:
        """What the names in templates stand for; those of a clip belong to calls of one clip."""
        options, values = self._options, self._program.values(space)
        clips = [self._program.clip_values(space, one, n) for n, one in enumerate(given)]
        if clips:
            values["size"] = clips[0]["size"]
            outputs = [self._program.output(one) for one in given]
            values["requests"] = space.write_requests(given, outputs)
            lines = options.between.join(fill(options.each, {**values, **c}) for c in clips)
            values |= {"lines": lines, "list": space.write_list(lines)}
            if {"pictures", "sounds"} & {n for text in self._templates for n in names_in(text)}:
                values |= space.write_folders(given)
        if len(clips) == 1:
            values |= clips[0]
            if "*" not in options.output:
                Path(str(values["out"])).parent.mkdir(parents=True, exist_ok=True)
        if options.config:
            text = fill(options.config, values)
            text = settings_text(text, options.root, options.config_base, options.config_name)
            Path(str(values["config"])).write_text(text, encoding="utf-8")
        return values

    def _answer(self, space: Workspace, given: Given, collected: Collected) -> Generated | Failure:
        try:
            path = collected.take(given)
            self._check_length(path, given.request)
            return self._adopter.deliver(path, given.request)
        except ClipFailure as failure:
            return self._failure(space, given, failure)

    def _check_length(self, path: Path, request: Request) -> None:
        """Known from timestamps: nothing of a video that is far too long is decoded."""
        n, wanted = self._context.media.probe(path).frames_at_25, request.n_frames
        slack = self._options.slack if self._options.length == "trim" else 0
        if abs(n - wanted) > slack:
            raise ClipFailure(f"{n} frames, {wanted} needed, {slack} more or less allowed")

    def _failure(self, space: Workspace, given: Given, failure: ClipFailure) -> Failure:
        self._keep_log(space, [given])
        return Failure(given.request.clip_id, _words(failure.reason, space, given))

    def _keep_log(self, space: Workspace, given: Sequence[Given]) -> None:
        """The end of what the program printed, under the clip's real name, in this plugin's cache."""
        logs = self._context.cache / "logs" / self._program.key
        logs.mkdir(parents=True, exist_ok=True)
        if not space.log.exists():
            return
        since = self._session.since if self._session is not None else 0
        with space.log.open("rb") as file:
            file.seek(max(since, space.log.stat().st_size - _KEPT))
            end = file.read()
        for one in given:
            (logs / f"{_safe(one.request.clip_id)}.txt").write_bytes(end)


def _words(reason: str, space: Workspace, given: Given) -> str:
    """A reason without private names, so that equal faults of two clips read alike."""
    said = reason.replace(str(space.folder), "").replace(f"{given.name}.", "video.")
    return said.replace(given.name, "{clip}")


def _verify(options: CommandOptions) -> None:
    """Every named file is the one that was named."""
    for name, wanted in options.sha256.items():
        path = (options.root or Path()) / name
        with reading(path, "get it as its README says"), path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted.lower():
            raise UserError(f"{path} has SHA-256 {found}, not {wanted}", "this is another system")


def _safe(clip_id: str) -> str:
    """A clip's id as a file name: letters, digits and - stay, anything else becomes _XX.

    So does a - at the beginning, which a program would take for an option.
    """
    plain = (c.isascii() and (c.isalnum() or (c == "-" and i)) for i, c in enumerate(clip_id))
    kept = (c if is_plain else None for c, is_plain in zip(clip_id, plain, strict=True))
    pairs: Mapping[str, str] = {c: f"_{ord(c):02x}" for c in clip_id}
    return "".join(k or pairs[c] for k, c in zip(kept, clip_id, strict=True))[:120]
