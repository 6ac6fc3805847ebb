"""The dataset: clips by name, loaded from the prepared set, which the data commands make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from thbench.api import (
    Clip,
    ClipFailure,
    Context,
    DataReport,
    Engine,
    Missing,
    Source,
    UserError,
)
from thbench_crema_d import MASTER, VERSION, Options
from thbench_crema_d.catalogue import File, clip_of, load_catalogue
from thbench_crema_d.prepared import PreparedSet
from thbench_crema_d.recipe import WEIGHTS, recipe_of
from thbench_crema_d.recordings import absent, verify, without_sound
from thbench_face import dlib_missing

if TYPE_CHECKING:
    from thbench_crema_d.prepare import Workshop

__all__ = ["CremaD"]


class CremaD:
    """api.Dataset and api.Fetchable. Building it reads the catalogue and opens no recording."""

    def __init__(self, options: Options, context: Context) -> None:
        self._context, self._backend, self._crop = context, options.backend, options.crop
        self.root = options.root or context.cache / "recordings"
        name = options.backend if options.crop == "wide" else f"{options.backend}-{options.crop}"
        folder = options.prepared or context.cache / "prepared" / name
        code = context.source("thbench_crema_d.prepare")
        self.prepared = PreparedSet(folder, recipe_of(options.backend, code, options.crop))
        self._catalogue = load_catalogue(options.manifest)
        self.version = self._version()

    def _version(self) -> str:
        """The definition's version, and the digest of the prepared set that clips are loaded from."""
        digest = self.prepared.digest
        return VERSION if digest is None else f"{VERSION}+prepared.{digest[:12]}"

    def clips(self) -> Sequence[Clip]:
        return tuple(clip_of(clip) for clip in self._catalogue)

    def load(self, clip: Clip, size: int) -> Source:
        """The prepared clip at `size` px. Raises UserError for sizes above the master's."""
        from thbench_crema_d.picture import area_resize, points_resized

        if size > MASTER:
            raise UserError(
                f"crema_d is prepared at {MASTER} px and has nothing at {size}",
                f"choose at most {MASTER}",
            )
        master = self.prepared.load(clip.id, self._context.media)
        points = points_resized(master.annotations["landmarks"], MASTER, size)
        frames = area_resize(master.frames, size)
        return Source(frames, master.audio, {"landmarks": points}, frame=master.frame)

    @property
    def weights(self) -> Sequence[str]:
        return [weights.name for weights in WEIGHTS[self._backend]]

    # -- what is not here ---------------------------------------------------------------------------

    def missing(self) -> Sequence[Missing]:
        """As `missing_of`, for the whole dataset."""
        return self.missing_of(self.clips(), "--split all")

    def missing_of(self, clips: Sequence[Clip], select: str) -> Sequence[Missing]:
        """Recordings, weights and prepared clips that are not here. By name and stat only."""
        todo = self._unprepared(clips)
        if not todo:
            return ()
        found = []
        if away := absent(self.root, (f for pair in todo for f in pair)):
            what = f"{len(away)} recordings of CREMA-D under {self.root}"
            found.append(Missing(what, _command("fetch", select), sum(f.size for f in away)))
        found += self._missing_weights()
        what = f"{len(todo)} of {len(clips)} clips in the prepared set {self.prepared.folder}"
        return [*found, Missing(what, _command("prepare", select))]

    def _unprepared(self, clips: Iterable[Clip]) -> list[tuple[File, File]]:
        pairs = [self._files(clip) for clip in clips]
        return [p for p in pairs if not self.prepared.ready(p[0].clip, _sources(p))]

    def _files(self, clip: Clip) -> tuple[File, File]:
        try:
            return self._catalogue[clip.id]
        except KeyError:
            raise UserError(f"the manifest has no clip '{clip.id}'", "check its name") from None

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

    # -- the data commands ----------------------------------------------------------------------------

    def fetch(self, clips: Sequence[Clip], mirror: str | None, connections: int) -> DataReport:
        """Download the recordings of these clips that are not here, checked against the manifest."""
        from thbench_crema_d.fetch import MIRRORS, fetch

        if mirror and not mirror.startswith(("https://", "http://")):
            raise UserError(f"mirror {mirror} is no web address", "begin it with https://")
        files = [f for clip in clips for f in self._files(clip)]
        if self._context.offline and absent(self.root, files):
            raise UserError(
                "THBENCH_OFFLINE forbids the download",
                f"unset it, or put VideoFlash/ and AudioWAV/ under {self.root}",
            )
        return fetch(self.root, files, [mirror] if mirror else MIRRORS, connections)

    def verify(self, clips: Sequence[Clip]) -> DataReport:
        """Hash all recordings of these clips and name what is wrong with each that is not the published one."""
        files = [f for clip in clips for f in self._files(clip)]
        found = verify(self.root, files, partial(without_sound, self._context.media))
        counts = Counter(finding.condition for finding in found)
        words = [f"{len(files) - len(found)} good", *(f"{n} {c}" for c, n in counts.items())]
        remedy = "thbench data fetch replaces it"
        return DataReport(
            [f"{len(files)} recordings under {self.root}: {', '.join(words)}"],
            [f"{finding} — {remedy}" for finding in found],
        )

    def prepare(self, clips: Sequence[Clip], engine: Engine) -> DataReport:
        """Prepare these clips where that was not done by this recipe from these recordings."""
        try:
            return self._prepare(clips, engine)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(
                f"cannot write under {self.prepared.folder}: {reason}", "the same command goes on"
            ) from error

    def _prepare(self, clips: Sequence[Clip], engine: Engine) -> DataReport:
        from thbench_crema_d.prepare import prepare_clip

        todo = self._unprepared(clips)
        counts = {"prepared": 0, "rejected": 0, "unusable": 0}
        problems = []
        shop = self._workshop() if todo else None
        try:
            work = engine.map(partial(prepare_clip, shop), todo) if shop else ()
            for _, outcome in tqdm(work, "prepare", len(todo), unit="clip", disable=None):
                counts[outcome.status] += 1
                if outcome.status == "unusable":
                    problems.append(f"{outcome.reason} — thbench data fetch brings it")
        finally:
            self.prepared.write_manifest()
            self.version = self._version()
        return DataReport(self._account(clips, len(todo), counts), sorted(problems))

    def _workshop(self) -> Workshop:
        from thbench_crema_d.prepare import Workshop

        if lacking := list(self._missing_weights()):
            what = ", ".join(m.what for m in lacking)
            raise UserError(f"{what}: not here", " && ".join(m.command for m in lacking))
        detector, landmarks = (self._context.weights(name) for name in self.weights)
        return Workshop(
            root=self.root,
            prepared=self.prepared,
            name=self._backend,
            detector=detector,
            landmarks=landmarks,
            device=self._context.device,
            threads=self._context.threads,
            media=self._context.media,
            crop=self._crop,
        )

    def _account(self, clips: Sequence[Clip], todo: int, counts: dict[str, int]) -> list[str]:
        rejected = {c.id: r["reject"] for c in clips if (r := self.prepared.record(c.id))}
        reasons = [f"rejected {clip}: {why}" for clip, why in rejected.items() if why]
        done = ", ".join(f"{n} {status}" for status, n in counts.items())
        head = f"{len(clips)} clips: {done}, {len(clips) - todo} were done already"
        return [head, *reasons, f"prepared set {self.prepared.folder}: {self.prepared.digest}"]

    def show(self, clip: Clip, out: Path) -> None:
        """A contact sheet of the prepared clip as PNG. Raises ClipFailure and UserError."""
        from thbench_crema_d.sheet import write_sheet

        try:
            write_sheet(self.load(clip, MASTER), out)
        except ClipFailure as failure:
            rejected = (self.prepared.record(clip.id) or {}).get("reject")
            prepare = _command("prepare", f"--clip {clip.id}")
            remedy = "it was rejected: choose another clip" if rejected else prepare
            raise UserError(f"{clip.id}: {failure.reason}", remedy) from None


def _sources(files: tuple[File, File]) -> dict[str, str]:
    return {file.kind: file.sha256 for file in files}


def _command(verb: str, select: str) -> str:
    return f"thbench data {verb} crema_d {select}".rstrip()
