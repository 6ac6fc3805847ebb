"""What every dataset does that is prepared once from recordings and then loaded from its prepared set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from thbench.api import Clip, ClipFailure, Context, DataReport, Engine, Missing, Source, UserError
from thbench_crema_d import MASTER, BackendName
from thbench_crema_d.disk import writing_under
from thbench_crema_d.prepared import PreparedSet
from thbench_crema_d.recipe import WEIGHTS
from thbench_face import dlib_missing

if TYPE_CHECKING:
    from thbench_crema_d.prepare import Outcome

__all__ = ["PreparedDataset"]

Item = TypeVar("Item")
"""What one clip is prepared from."""


class PreparedDataset(ABC, Generic[Item]):
    """Half of api.Dataset and api.Fetchable; what clips there are and where they come from is the dataset's own.

    name      as commands call the dataset
    root      the recordings
    prepared  the set that clips are loaded from
    version   of the definition and of that set
    """

    name: str
    root: Path
    prepared: PreparedSet
    version: str
    unusable = "thbench data fetch brings it"
    """What helps where a recording is not the published one or not there."""

    def __init__(self, context: Context, backend: BackendName) -> None:
        self._context, self._backend = context, backend

    @abstractmethod
    def _version(self) -> str: ...

    @abstractmethod
    def _unprepared(self, clips: Iterable[Clip]) -> list[Item]:
        """Of the clips that are neither prepared nor rejected. By name and stat only."""

    @abstractmethod
    def _work(self, **tools: Any) -> Callable[[Item], Outcome]:
        """What prepares one clip, with the fields of `Workshop`; it can be pickled."""

    def load(self, clip: Clip, size: int) -> Source:
        """The prepared clip at `size` px. Raises UserError for sizes above the master's."""
        from thbench_crema_d.picture import area_resize, points_resized

        if size > MASTER:
            raise UserError(
                f"{self.name} is prepared at {MASTER} px and has nothing at {size}",
                f"choose at most {MASTER}",
            )
        master = self.prepared.load(clip.id, self._context.media)
        points = points_resized(master.annotations["landmarks"], MASTER, size)
        frames = area_resize(master.frames, size)
        return Source(frames, master.audio, {"landmarks": points}, frame=master.frame)

    @property
    def weights(self) -> Sequence[str]:
        return [weights.name for weights in WEIGHTS[self._backend]]

    def _missing_weights(self) -> Iterator[Missing]:
        if self._backend == "yunet-dlib":
            yield from dlib_missing()
        for weights in WEIGHTS[self._backend]:
            try:
                self._context.weights(weights.name)
            except UserError:
                verb = "import" if self._context.offline else "fetch"
                command = f"thbench weights {verb} {weights.name}"
                command += " FILE" if self._context.offline else ""
                yield Missing(f"weights {weights.name}", command, weights.size)

    def _command(self, verb: str, select: str) -> str:
        return f"thbench data {verb} {self.name} {select}".rstrip()

    def prepare(self, clips: Sequence[Clip], engine: Engine) -> DataReport:
        """Prepare these clips where that was not done by this recipe from these recordings."""
        with writing_under(self.prepared.folder):
            return self._prepare(clips, engine)

    def _prepare(self, clips: Sequence[Clip], engine: Engine) -> DataReport:
        todo = self._unprepared(clips)
        counts = {"prepared": 0, "rejected": 0, "unusable": 0}
        problems = []
        tools = self._tools() if todo else {}
        try:
            work = engine.map(self._work(**tools), todo) if todo else ()
            for _, outcome in work:
                counts[outcome.status] += 1
                if outcome.status == "unusable":
                    problems.append(f"{outcome.reason} — {self.unusable}")
        finally:
            self.prepared.write_manifest()
            self.version = self._version()
        return DataReport(self._account(clips, len(todo), counts), sorted(problems))

    def _tools(self) -> dict[str, Any]:
        """The fields of `Workshop`. Raises UserError for weights that are not here."""
        if lacking := list(self._missing_weights()):
            what = ", ".join(m.what for m in lacking)
            raise UserError(f"{what}: not here", " && ".join(m.command for m in lacking))
        detector, landmarks = (self._context.weights(name) for name in self.weights)
        return {
            "root": self.root,
            "prepared": self.prepared,
            "name": self._backend,
            "detector": detector,
            "landmarks": landmarks,
            "device": self._context.device,
            "threads": self._context.threads,
            "media": self._context.media,
        }

    def _account(self, clips: Sequence[Clip], todo: int, counts: dict[str, int]) -> list[str]:
        rejected = {c.id: r["reject"] for c in clips if (r := self.prepared.record(c.id))}
        reasons = [f"rejected {clip}: {why}" for clip, why in rejected.items() if why]
        done = ", ".join(f"{n} {status}" for status, n in counts.items())
        head = f"{len(clips)} clips: {done}, {len(clips) - todo} were done already"
        return [head, *reasons, f"prepared set {self.prepared.folder}: {self.prepared.digest}"]

    def show(self, clip: Clip, out: Path) -> None:
        """A contact sheet of the prepared clip as PNG. Raises UserError."""
        from thbench_crema_d.sheet import write_sheet

        try:
            write_sheet(self.load(clip, MASTER), out)
        except ClipFailure as failure:
            rejected = (self.prepared.record(clip.id) or {}).get("reject")
            prepare = self._command("prepare", f"--clip {clip.id}")
            remedy = "it was rejected: choose another clip" if rejected else prepare
            raise UserError(f"{clip.id}: {failure.reason}", remedy) from None
