"""The dataset: clips by name, loaded from the prepared set, which the data commands make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from thbench.api import Clip, Context, DataReport, Missing, UserError
from thbench_crema_d import VERSION, Options
from thbench_crema_d.catalogue import File, clip_of, load_catalogue
from thbench_crema_d.prepared import PreparedSet
from thbench_crema_d.prepared_dataset import PreparedDataset
from thbench_crema_d.recipe import recipe_of
from thbench_crema_d.recordings import absent, verify, without_sound

if TYPE_CHECKING:
    from thbench_crema_d.prepare import Outcome

__all__ = ["CremaD"]


class CremaD(PreparedDataset[tuple[File, File]]):
    """api.Dataset and api.Fetchable. Building it reads the catalogue and opens no recording."""

    name = "crema_d"

    def __init__(self, options: Options, context: Context) -> None:
        super().__init__(context, options.backend)
        self._crop = options.crop
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
            found.append(Missing(what, self._command("fetch", select), sum(f.size for f in away)))
        found += self._missing_weights()
        what = f"{len(todo)} of {len(clips)} clips in the prepared set {self.prepared.folder}"
        return [*found, Missing(what, self._command("prepare", select))]

    def _unprepared(self, clips: Iterable[Clip]) -> list[tuple[File, File]]:
        pairs = [self._files(clip) for clip in clips]
        return [p for p in pairs if not self.prepared.ready(p[0].clip, _sources(p))]

    def _files(self, clip: Clip) -> tuple[File, File]:
        try:
            return self._catalogue[clip.id]
        except KeyError:
            raise UserError(f"the manifest has no clip '{clip.id}'", "check its name") from None

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

    def _work(self, **tools: Any) -> Callable[[tuple[File, File]], Outcome]:
        from thbench_crema_d.prepare import CremaWorkshop, prepare_clip

        return partial(prepare_clip, CremaWorkshop(**tools, crop=self._crop))


def _sources(files: tuple[File, File]) -> dict[str, str]:
    return {file.kind: file.sha256 for file in files}
