"""Layout of a run folder, its lock, and the removal of temporary files.

RUN/suite.json                       what is being run
RUN/references/<size>/               reference videos (mkv), annotations (npz), journal.jsonl
RUN/controls/<size>/<name>/          what controls change of the references, results
RUN/systems/<name>/                  videos, journal.jsonl, result.json, clips.csv
RUN/leaderboard.md, leaderboard.json, timings.jsonl, events.jsonl
RUN/shards/3-of-16/                  the same journals and logs, of one shard (thbench.run.shards)
RUN/report/ or RUN/report.html       pages made from all that; no run reads them
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from thbench.api import Clip, ClipFailure, TrainedOn, UserError
from thbench.files.atomic import atomic_write, sweep
from thbench.files.canonical import file_name
from thbench.files.foreign import json_or, read_bytes
from thbench.files.journal import Journal
from thbench.video import StoredVideo

Record = dict[str, Any]
SHARDS = "shards"
REPORT, REPORT_FILE = "report", "report.html"
CLIPS, METRICS, OBSERVATIONS = "clips.json", "metrics.json", "observations.json"


@dataclass(frozen=True)
class Shard:
    """Part `number` (from 1) of `count`."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def folder(self) -> str:
        return f"{self.number}-of-{self.count}"


@dataclass(frozen=True)
class VideoFolder:
    """Videos of one system, control or reference set at one size, with the journal of what is finished."""

    run: Path
    path: Path
    shard: Shard | None = None

    @property
    def journal(self) -> Journal:
        """Where this process writes: a journal has one writer, so every shard has its own."""
        return self._journal(self.shard.folder if self.shard else None)

    def _journal(self, shard: str | None) -> Journal:
        if shard is None:
            return Journal(self.path / "journal.jsonl", key="clip")
        return Journal(self.run / SHARDS / shard / self.relative(self.path) / "journal.jsonl")

    def records(self) -> dict[str, Record]:
        """Clip id -> the last record anybody wrote: of an undivided run, of other shards, of this one."""
        found = self._journal(None).read()
        others = [self._journal(f.name) for f in RunFolder(self.run).shard_folders()]
        for journal in sorted(others, key=lambda j: j.changed()):
            found.update(journal.read())
        if self.shard:
            found.update(self.journal.read())
        return found

    @property
    def result_file(self) -> Path:
        return self.path / "result.json"

    @property
    def clips_file(self) -> Path:
        return self.path / "clips.csv"

    def file(self, clip_id: str, suffix: str) -> Path:
        """Where a file of this clip belongs; inside this folder whatever the id is."""
        return self.path / "videos" / f"{file_name(clip_id)}{suffix}"

    def alignment_file(self, clip_id: str) -> Path:
        """Identity frame and first picture of a clip that is framed unlike its reference, side by side."""
        return self.path / "alignment" / f"{file_name(clip_id)}.png"

    def relative(self, path: Path) -> str:
        return path.relative_to(self.run).as_posix()

    def finished(self, references: Mapping[str, Record] | None = None) -> dict[str, Record]:
        """What is stored and need not be made again.

        The file a clip came from has not changed, and with `references` given, neither has the
        reference it was made from.
        """
        return {
            clip: r
            for clip, r in self.stored().items()
            if not _has_changed(r)
            and (references is None or _is_made_from(r, references.get(clip)))
        }

    def gone_files(self) -> list[Path]:
        """Where stored videos came from, of files that are gone: what was stored of them stays."""
        stored = (r for r in self.stored().values() if "failure" not in r)
        files = [_path_of(r["origin"]) for r in stored if r.get("origin")]
        return [file for file in files if not file.exists()]

    def answered(
        self,
        references: Mapping[str, Record] | None = None,
        retry_failed: bool = False,
        root: Path | None = None,
    ) -> dict[str, Record]:
        """As `finished`, without the failures that are asked again: all with `retry_failed`, else those
        whose cause lies in a file outside; and without what came from files that are not under `root`,
        where files are to come from now."""
        return {
            clip: r
            for clip, r in self.finished(references).items()
            if ("failure" not in r or not (retry_failed or r.get("again")))
            and not _is_from_elsewhere(r, root, adopted=references is not None)
        }

    def stored(self) -> dict[str, Record]:
        """Clip id -> record, of clips whose files are there in the size they were written in."""
        return {clip: r for clip, r in self.records().items() if self._is_whole(r)}

    def _is_whole(self, record: Record) -> bool:
        for name, size in record.get("files", {}).items():
            try:
                if (self.run / name).stat().st_size != size:
                    return False
            except OSError:
                return False
        return True

    def declare_training(self, trained_on: TrainedOn | None) -> None:
        """Write down what a generator says it was trained on, for a later scoring without it."""
        file = self.path / "trained_on.json"
        if not file.exists():
            data = trained_on and [trained_on.dataset, sorted(trained_on.actors)]
            atomic_write(file, json.dumps(data, ensure_ascii=False) + "\n")

    def declare_about(self, about: str) -> None:
        """Write down what a generator says of how it ran, once for every kind of machine it ran on."""
        known = self.declared_about()
        if about and about not in known:
            atomic_write(self.path / "about.json", json.dumps([*known, about]) + "\n")

    def declare_environment(self, versions: Mapping[str, str]) -> None:
        """Write down what a generator says it ran on; kinds of machines that differ say so name by name."""
        known = self.declared_environment()
        for name, version in versions.items():
            said = known.get(str(name), str(version)).split(" | ")
            known[str(name)] = " | ".join(dict.fromkeys([*said, str(version)]))
        if known != self.declared_environment():
            atomic_write(self.path / "environment.json", json.dumps(known) + "\n")

    def declared_environment(self) -> dict[str, str]:
        data = json_or(self.path / "environment.json", {})
        return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}

    def declared_about(self) -> list[str]:
        data = json_or(self.path / "about.json", [])
        return [str(text) for text in data] if isinstance(data, list) else []

    def declared_training(self) -> TrainedOn | None:
        """What was declared; None where it is unknown."""
        data = json_or(self.path / "trained_on.json", None)
        try:
            return None if data is None else TrainedOn(data[0], frozenset(data[1]))
        except (TypeError, LookupError):
            return None

    def open(self, record: Record) -> StoredVideo:
        """The video of a record; decodes nothing yet."""
        annotations, sound = record.get("annotations"), record.get("sound")
        return StoredVideo(
            self.run / record["picture"],
            record["digest"],
            record["n_frames"],
            record["size"],
            sound=self.run / sound if sound else None,
            annotations_file=self.run / annotations if annotations else None,
            frames_digest=record["frames_digest"],
            audio_digest=record["audio_digest"],
            decode=record.get("decode", "exact"),
        )


def origin_of(path: Path | None) -> list[Any] | None:
    """What tells whether a file from outside is still the one that was read."""
    if path is None:
        return None
    state = path.stat()
    return [os.fsencode(path.absolute()).hex(), state.st_size, state.st_mtime_ns]


def _has_changed(record: Record) -> bool:
    """Whether the file a clip came from is another one now; one that is gone has been adopted."""
    if not (origin := record.get("origin")):
        return False
    try:
        state = _path_of(origin).stat()
    except OSError:
        return False
    return bool([state.st_size, state.st_mtime_ns] != origin[1:])


def _is_from_elsewhere(record: Record, root: Path | None, adopted: bool) -> bool:
    """Whether a clip came from a file of another folder than `root`: one of the same name, maybe.

    adopted  a file that is gone was a program's, and has been adopted
    """
    if root is None or not (origin := record.get("origin")):
        return False
    file = Path(os.path.normpath(_path_of(origin)))
    inside = any(
        file.is_relative_to(os.path.normpath(r)) for r in (root.absolute(), root.resolve())
    )
    return not inside and not (adopted and not file.exists())


def _path_of(origin: list[Any]) -> Path:
    return Path(os.fsdecode(bytes.fromhex(origin[0])))


def _is_made_from(record: Record, reference: Record | None) -> bool:
    return reference is not None and record.get("reference") == reference_mark(reference)


def failure_record(clip_id: str, failure: ClipFailure) -> Record:
    """A clip that failed, and whether the next command asks again."""
    record = {"clip": clip_id, "failure": failure.reason}
    return {**record, "again": True} if failure.again else record


def reference_mark(reference: Record) -> str:
    """What a record made from this reference remembers of it."""
    return str(reference.get("digest") or reference["failure"])


@dataclass(frozen=True)
class RunFolder:
    root: Path
    shard: Shard | None = None

    def references(self, size: int) -> VideoFolder:
        return VideoFolder(self.root, self.root / "references" / str(size), self.shard)

    def control(self, size: int, name: str) -> VideoFolder:
        return VideoFolder(self.root, self.root / "controls" / str(size) / name, self.shard)

    def system(self, name: str) -> VideoFolder:
        return VideoFolder(self.root, self.root / "systems" / name, self.shard)

    @property
    def logs(self) -> Path:
        """Where this process appends timings and events."""
        return self.root / SHARDS / self.shard.folder if self.shard else self.root

    def shard_folders(self) -> list[Path]:
        """Of every shard that has begun and is not merged yet."""
        return sorted((self.root / SHARDS).glob("*-of-*"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run alone: no other run, no shard.

        Raises UserError where somebody else is at work here or the folder cannot be written.
        """
        with held(self.root / ".lock", self.root), ExitStack() as stack:
            for folder in self.shard_folders():
                stack.enter_context(held(folder / ".lock", folder))
            sweep(self.root, older_than=0)  # nobody else writes here while we hold the locks
            yield
            sweep(self.root, older_than=0)  # of workers that were killed, while the run went on

    def claim(
        self, name: str, described: dict[str, Any], remedy: str, is_empty: bool = False
    ) -> None:
        """Write down what this folder holds, or refuse when it holds something else.

        What an attempt that made nothing (`is_empty`) wrote down binds nobody.
        """
        file = self.root / name
        text = json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        if not file.exists() or (is_empty and read_bytes(file, remedy) != text.encode()):
            atomic_write(file, text)
            return
        held = json_or(file, None)
        if not isinstance(held, dict):
            raise UserError(f"{file} is damaged", remedy)
        if held != described:
            changed = [k for k in sorted({*held, *described}) if held.get(k) != described.get(k)]
            raise UserError(f"{file.parent} was made with other {', '.join(changed)}", remedy)


@contextmanager
def held(file: Path, what: Path, timeout: float = 0) -> Iterator[None]:
    """Hold a lock; the system releases it when the process ends, however it ends.

    Raises UserError where another process holds it for `timeout` seconds or it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file)
        lock.acquire(timeout=timeout)
    except Timeout:
        raise UserError(
            f"{what} is in use by another thbench", "wait for it, or give --out"
        ) from None
    except OSError as error:
        raise UserError(f"{what} cannot be written: {error.strerror}", "give --out") from None
    try:
        yield
    finally:
        lock.release()


def write_clips(run: Path, clips: Sequence[Clip]) -> None:
    """One line per clip, in the order of the split."""
    described = ({"id": c.id, "actor": c.actor, "labels": dict(c.labels)} for c in clips)
    lines = [json.dumps(line, sort_keys=True) for line in described]
    atomic_write(run / CLIPS, "[\n" + ",\n".join(lines) + "\n]\n")
