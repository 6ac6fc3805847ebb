"""The generator `command`: any program, in whatever environment it needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock

from thbench.api import (
    FPS,
    ClipFailure,
    Context,
    Failure,
    Generated,
    Request,
    UserError,
)
from thbench_external.adopt import Adopter
from thbench_external.command_options import CommandOptions, fill, names_in
from thbench_external.isolation import Isolation, chosen_kind, describe
from thbench_external.runner import Limits, clean_environment, last_words, run
from thbench_external.training import declared
from thbench_external.workspace import Given, NotWritten, Workspace, opaque_names, workspace

__all__ = ["CommandGenerator"]

_KEPT = 1_000_000  # bytes of what a failed program printed: a thousand clips may fail


class CommandGenerator:
    """Gives a program private copies of the requests and adopts what it writes.

    Raises UserError where a file of the program is not the one its options name by SHA-256.
    """

    def __init__(self, options: CommandOptions, context: Context) -> None:
        self._options, self._context = options, context
        self._adopter = Adopter(options, context)
        self.trained_on = declared(options)
        self._kind = chosen_kind(options.isolation)
        self.about = describe(self._kind, options.network)
        own = [] if options.python is None else [options.python]
        hidden = (context.cache.parent, Path.cwd() / "runs")
        self._isolation = Isolation(
            options.root, (*own, *options.readable), hidden, options.network
        )
        _verify(options)

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        """One call for each request, or one for all; a batch whose call fails is left to be retried
        one by one."""
        if self._options.call == "clip":
            for request in requests:
                yield from self._call([request])
        else:
            yield from self._call(requests)

    def _call(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        with workspace() as space:
            given = self._write(space, requests)
            try:
                self._run(space, given)
            except ClipFailure as failure:
                self._keep_log(space, given)
                reason = failure.reason.replace(str(space.folder), "")
                if len(requests) > 1:
                    raise RuntimeError(reason) from None
                yield Failure(requests[0].clip_id, reason)
                return
            for one in given:
                yield self._answer(space, one)

    def _write(self, space: Workspace, requests: Sequence[Request]) -> list[Given]:
        names = opaque_names(requests)
        if self._options.clip_ids == "real":
            names = [_safe(r.clip_id) for r in requests]
        templates = " ".join((*self._options.argv, self._options.config))
        still = "video" in names_in(templates) or self._options.call == "batch"
        return [space.write(r, n, still) for r, n in zip(requests, names, strict=True)]

    def _run(self, space: Workspace, given: Sequence[Given]) -> None:
        options = self._options
        outputs = [fill(options.output, {"clip": one.name}) for one in given]
        listed = space.write_requests(given, outputs)
        values = self._values(space, given, outputs, listed)
        config = Path(str(values["config"]))
        if options.config:
            config.write_text(fill(options.config, values), encoding="utf-8")
        limits = Limits(
            options.timeout * len(given),
            (options.memory_mb or 0) * 1_000_000,
            options.file_mb * 1_000_000,
            options.total_mb * 1_000_000,
        )
        argv = [fill(text, values) for text in options.argv]
        environment = clean_environment(
            space.temporary, self._context.threads, options.keep_env, options.env
        )
        with self._alone():
            folder = (options.root or space.folder).absolute()
            if self._kind == "bubblewrap":
                argv = self._isolation.wrapped(argv, folder, space.folder, environment)
            run(argv, folder, environment, space.log, limits, space.folder)

    def _values(
        self, space: Workspace, given: Sequence[Given], outputs: Sequence[str], listed: Path
    ) -> dict[str, object]:
        """What the names in templates stand for; those of a clip belong to calls of one clip."""
        first, out = given[0], space.outputs / outputs[0]
        if "*" not in outputs[0]:
            out.parent.mkdir(parents=True, exist_ok=True)
        return {
            "requests": listed,
            "in": space.inputs,
            "out_folder": space.outputs,
            "folder": space.folder,
            "config": space.inputs / self._options.config_name,
            "size": first.request.size,
            "fps": FPS,
            "root": self._options.root,
            "python": self._options.python,
            "clip": first.name,
            "identity": first.identity,
            "audio": first.audio,
            "video": first.video,
            "oracle": first.oracle,
            "out": out,
            "frames": first.request.n_frames,
            "seed": first.request.seed,
            "seed32": first.request.seed % 2**32,
        }

    def _answer(self, space: Workspace, given: Given) -> Generated | Failure:
        request = given.request
        pattern = fill(self._options.output, {"clip": given.name})
        try:
            path = space.adopt(pattern, given.name, self._options.file_mb * 1_000_000)
            self._check_length(path, request)
            return self._adopter.deliver(path, request)
        except NotWritten as failure:
            reason = failure.reason + last_words(space.log)
        except ClipFailure as failure:
            reason = failure.reason
        self._keep_log(space, [given])
        reason = reason.replace(str(space.folder), "").replace(f"{given.name}.", "video.")
        return Failure(request.clip_id, reason)

    def _check_length(self, path: Path, request: Request) -> None:
        """Known from timestamps: nothing of a video that is far too long is decoded."""
        n, wanted = self._context.media.probe(path).frames_at_25, request.n_frames
        slack = self._options.slack if self._options.length == "trim" else 0
        if abs(n - wanted) > slack:
            raise ClipFailure(f"{n} frames, {wanted} needed, {slack} more or less allowed")

    def _keep_log(self, space: Workspace, given: Sequence[Given]) -> None:
        """The end of what the program printed, under the clip's real name, in this plugin's cache."""
        program = hashlib.sha256(json.dumps(self._options.argv).encode()).hexdigest()[:12]
        logs = self._context.cache / "logs" / program
        logs.mkdir(parents=True, exist_ok=True)
        with space.log.open("rb") as file:
            file.seek(max(0, space.log.stat().st_size - _KEPT))
            end = file.read()
        for one in given:
            (logs / f"{_safe(one.request.clip_id)}.txt").write_bytes(end)

    def _alone(self) -> AbstractContextManager[Any]:
        if not self._options.exclusive:
            return nullcontext()
        key = hashlib.sha256(str(self._options.root).encode()).hexdigest()[:16]
        return FileLock(self._context.cache / f"{key}.lock")


def _verify(options: CommandOptions) -> None:
    """Every named file is the one that was named."""
    for name, wanted in options.sha256.items():
        path = (options.root or Path()) / name
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}", "get it as its README says") from None
        if found != wanted.lower():
            raise UserError(f"{path} has SHA-256 {found}, not {wanted}", "this is another system")


def _safe(clip_id: str) -> str:
    """A clip's id as a file name: letters, digits and - stay, anything else becomes _XX."""
    kept = (c if c.isascii() and (c.isalnum() or c == "-") else None for c in clip_id)
    pairs: Mapping[str, str] = {c: f"_{ord(c):02x}" for c in clip_id}
    return "".join(k or pairs[c] for k, c in zip(kept, clip_id, strict=True))[:120]
