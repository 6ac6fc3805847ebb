"""A dataset described by a layout: clips by name, loaded from the prepared set, which the data commands make."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from thbench.api import Clip, Context, DataReport, Engine, Missing, UserError
from thbench_crema_d.prepared import PreparedSet
from thbench_crema_d.prepared_dataset import PreparedDataset
from thbench_crema_d.recipe import recipe_of
from thbench_recordings import VERSION, Options
from thbench_recordings.layout import Layout
from thbench_recordings.listing import Entry, Files, entries

if TYPE_CHECKING:
    from thbench_crema_d.prepare import Outcome

__all__ = ["Recordings"]


class Recordings(PreparedDataset[Entry]):
    """api.Dataset and api.Fetchable. Building it opens no recording; naming its clips lists the root."""

    def __init__(self, layout: Layout, options: Options, context: Context) -> None:
        super().__init__(context, options.backend)
        self._layout, self._options, self.name = layout, options, layout.name
        self._licence = f"licence of {self.name}: {layout.licence}"
        self.unusable = self._command("fetch", "")
        cache = context.cache
        cache = cache if cache.name == layout.name else cache / layout.name
        self.root = options.root or cache / "recordings"
        recipe = self._recipe()
        folder = options.prepared or cache / "prepared" / recipe
        self.prepared = PreparedSet(folder, recipe)
        self.version = self._version()

    def _recipe(self) -> str:
        """What decides the bytes of a prepared clip, besides its recording."""
        o = self._options
        code = self._context.source("thbench_recordings.prepare")
        how = recipe_of(o.backend, code)
        parts = [VERSION, how, o.crop, o.max_seconds, self._layout.digest]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def _version(self) -> str:
        digest = self.prepared.digest
        made = "" if digest is None else f"+prepared.{digest[:12]}"
        return f"{VERSION}+layout.{self._layout.digest}{made}"

    @property
    def actors_unknown(self) -> bool:
        return self._options.unnamed and bool(self._layout.unnamed)

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        return entries(self._layout, self._options, Files(self.root))

    def clips(self) -> Sequence[Clip]:
        return tuple(entry.clip for entry in self._entries.values())

    def remarks(self) -> Sequence[str]:
        """The licence, what is known to be absent, and actors that lack what others have."""
        return [self._licence, *self._gaps()]

    def _gaps(self) -> Iterator[str]:
        have: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for entry in self._entries.values():
            for label, value in entry.clip.labels.items():
                if label in self._layout.fields:
                    have[entry.clip.actor][label].add(value)
        every: dict[str, set[str]] = defaultdict(set)
        for labels in have.values():
            for label, values in labels.items():
                every[label] |= values
        for actor, labels in sorted(have.items()):
            lacking = [
                f"{label} {', '.join(sorted(every[label] - values))}"
                for label, values in labels.items()
                if every[label] - values and len(every[label]) <= _TABLE
            ]
            if lacking:
                known = self._layout.gaps.get(actor)
                why = f"known: {known}" if known else "no gap that is known of the published set"
                yield f"actor {actor} has no clip of {'; '.join(lacking)} ({why})"

    # -- what is not here ---------------------------------------------------------------------------

    def missing(self) -> Sequence[Missing]:
        """As `missing_of`, for the whole dataset."""
        return self.missing_of(self.clips(), "--split all")

    def missing_of(self, clips: Sequence[Clip], select: str) -> Sequence[Missing]:
        """Recordings, weights and prepared clips that are not here. By name and stat only."""
        name = self.name
        todo = self._unprepared(clips)
        away = [e for e in todo if e.media is None]
        if clips and not todo:
            return ()
        found = []
        if away or not clips:
            count = f"{len(away)} recordings" if clips else "the recordings"
            found.append(
                Missing(f"{count} of {name} under {self.root}", self._command("fetch", select))
            )
        found += self._missing_weights()
        of = f"{len(todo)} of {len(clips)} clips in " if clips else ""
        what = f"{of}the prepared set {self.prepared.folder}"
        return [*found, Missing(what, self._command("prepare", select))]

    def _unprepared(self, clips: Iterable[Clip]) -> list[Entry]:
        return [e for e in map(self._entry, clips) if not self._ready(e)]

    def _entry(self, clip: Clip) -> Entry:
        try:
            return self._entries[clip.id]
        except KeyError:
            raise UserError(f"{self.name} has no clip '{clip.id}'", "check its name") from None

    def _ready(self, entry: Entry) -> bool:
        """Whether a clip was prepared or rejected, from files of these sizes where they are still here."""
        record = self.prepared.record(entry.clip.id)
        if record is None:
            return False
        for kind, path in (("media", entry.media), ("sound", entry.sound)):
            if path is not None and record["bytes"].get(kind) != (self.root / path).stat().st_size:
                return False
        made = (self.prepared.picture(entry.clip.id), self.prepared.landmarks(entry.clip.id))
        return record["reject"] is not None or all(path.is_file() for path in made)

    # -- the data commands ----------------------------------------------------------------------------

    def fetch(self, clips: Sequence[Clip], mirror: str | None, connections: int) -> DataReport:
        """Download the archives of these clips' actors; without clips, of all actors that are asked for."""
        if self._layout.fetch is None:
            return self._by_hand(clips)
        if mirror and not mirror.startswith(("https://", "http://")):
            raise UserError(f"mirror {mirror} is no web address", "begin it with https://")
        if self._context.offline:
            raise UserError(
                "THBENCH_OFFLINE forbids the download",
                f"unset it, or put the recordings under {self.root}",
            )
        from thbench_recordings.archives import fetch

        away = {c.actor for c in clips if self._entry(c).media is None}
        actors = sorted(away if clips else self._options.actors or self._layout.actors)
        report = fetch(self.root, self._layout, actors, mirror)
        self.__dict__.pop("_entries", None)
        return DataReport([self._licence, *report.lines], report.problems)

    def _by_hand(self, clips: Sequence[Clip]) -> DataReport:
        away = [c.id for c in clips if self._entry(c).media is None]
        if clips and not away:
            return DataReport([self._licence, f"{len(clips)} recordings are here"])
        ask = f"{self._layout.ask} — put them under {self.root}, or --root FOLDER"
        count = f"{len(away)} of {len(clips)} recordings are" if clips else "no recording is"
        return DataReport(
            [self._licence], [f"{count} not here, and nobody may hand them out: {ask}"]
        )

    def verify(self, clips: Sequence[Clip]) -> DataReport:
        """Read all recordings of these clips, and say what is missing, damaged, changed, silent or converted."""
        from thbench_recordings.verify import verify

        self._need(clips)
        chosen = [self._entry(c) for c in clips]
        report = verify(self._layout, self.root, self.prepared, chosen, self._context.media)
        return DataReport([*report.lines, *self._gaps()], report.problems)

    def _prepare(self, clips: Sequence[Clip], engine: Engine) -> DataReport:
        self._need(clips)
        return super()._prepare(clips, engine)

    def _work(self, **tools: Any) -> Callable[[Entry], Outcome]:
        from thbench_recordings.prepare import RecordingWorkshop, prepare_clip

        o = self._options
        shop = RecordingWorkshop(**tools, crop=o.crop, max_seconds=o.max_seconds)
        return partial(prepare_clip, shop)

    def _need(self, clips: Sequence[Clip]) -> None:
        if not clips:
            what = f"no recording of {self.name} under {self.root}"
            raise UserError(what, f"{self._command('fetch', '')} brings them or says how")

    def _account(self, clips: Sequence[Clip], todo: int, counts: dict[str, int]) -> list[str]:
        return [self._licence, *super()._account(clips, todo, counts)]


_TABLE = 30
"""Labels of more values than this (sentences) are not compared between actors."""
