"""A dataset described by a layout: clips by name, loaded from the prepared set, which the data commands make."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

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
from thbench_crema_d import MASTER
from thbench_crema_d.prepared import PreparedSet
from thbench_crema_d.recipe import WEIGHTS, recipe_of
from thbench_face import dlib_missing
from thbench_recordings import VERSION, Options
from thbench_recordings.layout import Layout
from thbench_recordings.listing import Entry, Files, entries

__all__ = ["Recordings"]


class Recordings:
    """api.Dataset and api.Fetchable. Building it opens no recording; naming its clips lists the root."""

    def __init__(self, layout: Layout, options: Options, context: Context) -> None:
        self._layout, self._options, self._context = layout, options, context
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

    def load(self, clip: Clip, size: int) -> Source:
        """The prepared clip at `size` px. Raises UserError for sizes above the master's."""
        from thbench_crema_d.picture import area_resize, points_resized

        if size > MASTER:
            name = self._layout.name
            raise UserError(
                f"{name} is prepared at {MASTER} px and has nothing at {size}",
                f"choose at most {MASTER}",
            )
        master = self.prepared.load(clip.id, self._context.media)
        points = points_resized(master.annotations["landmarks"], MASTER, size)
        frames = area_resize(master.frames, size)
        return Source(frames, master.audio, {"landmarks": points}, frame=master.frame)

    @property
    def weights(self) -> Sequence[str]:
        return [weights.name for weights in WEIGHTS[self._options.backend]]

    def remarks(self) -> Sequence[str]:
        """The licence, what is known to be absent, and actors that lack what others have."""
        return [f"licence of {self._layout.name}: {self._layout.licence}", *self._gaps()]

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
        name = self._layout.name
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

    def _command(self, verb: str, select: str) -> str:
        return f"thbench data {verb} {self._layout.name} {select}".rstrip()

    def _unprepared(self, clips: Iterable[Clip]) -> list[Entry]:
        return [e for e in map(self._entry, clips) if not self._ready(e)]

    def _entry(self, clip: Clip) -> Entry:
        try:
            return self._entries[clip.id]
        except KeyError:
            raise UserError(
                f"{self._layout.name} has no clip '{clip.id}'", "check its name"
            ) from None

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

    def _missing_weights(self) -> Iterator[Missing]:
        if self._options.backend == "yunet-dlib":
            yield from dlib_missing()
        for weights in WEIGHTS[self._options.backend]:
            try:
                self._context.weights(weights.name)
            except UserError:
                verb = "import" if self._context.offline else "fetch"
                command = f"thbench weights {verb} {weights.name}"
                command += " FILE" if self._context.offline else ""
                yield Missing(f"weights {weights.name}", command, weights.size)

    # -- the data commands ----------------------------------------------------------------------------

    def fetch(self, clips: Sequence[Clip], mirror: str | None, connections: int) -> DataReport:
        """Download the archives of these clips' actors; without clips, of all actors that are asked for."""
        licence = f"licence of {self._layout.name}: {self._layout.licence}"
        if self._layout.fetch is None:
            return self._by_hand(clips, licence)
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
        return DataReport([licence, *report.lines], report.problems)

    def _by_hand(self, clips: Sequence[Clip], licence: str) -> DataReport:
        away = [c.id for c in clips if self._entry(c).media is None]
        if clips and not away:
            return DataReport([licence, f"{len(clips)} recordings are here"])
        ask = f"{self._layout.ask} — put them under {self.root}, or --root FOLDER"
        count = f"{len(away)} of {len(clips)} recordings are" if clips else "no recording is"
        return DataReport([licence], [f"{count} not here, and nobody may hand them out: {ask}"])

    def verify(self, clips: Sequence[Clip]) -> DataReport:
        """Read all recordings of these clips, and say what is missing, damaged, changed, silent or converted."""
        from thbench_recordings.verify import verify

        self._need(clips)
        chosen = [self._entry(c) for c in clips]
        report = verify(self._layout, self.root, self.prepared, chosen, self._context.media)
        return DataReport([*report.lines, *self._gaps()], report.problems)

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
        from thbench_recordings.prepare import Workshop, prepare_clip

        self._need(clips)
        todo = self._unprepared(clips)
        counts: Counter[str] = Counter(prepared=0, rejected=0, unusable=0)
        problems = []
        if todo and (lacking := list(self._missing_weights())):
            what = ", ".join(m.what for m in lacking)
            raise UserError(f"{what}: not here", " && ".join(m.command for m in lacking))
        if todo:
            c, o = self._context, self._options
            files = [c.weights(name) for name in self.weights]
            how = (o.backend, o.crop, o.max_seconds)
            shop = Workshop(
                self.root, self.prepared, *how, *files, c.device, c.threads, media=c.media
            )
        try:
            work = engine.map(partial(prepare_clip, shop), todo) if todo else ()
            for _, outcome in tqdm(work, "prepare", len(todo), unit="clip", disable=None):
                counts[outcome.status] += 1
                if outcome.status == "unusable":
                    problems.append(f"{outcome.reason} — {self._command('fetch', '')}")
        finally:
            self.prepared.write_manifest()
            self.version = self._version()
        return DataReport(self._account(clips, len(todo), counts), sorted(problems))

    def _need(self, clips: Sequence[Clip]) -> None:
        if not clips:
            what = f"no recording of {self._layout.name} under {self.root}"
            raise UserError(what, f"{self._command('fetch', '')} brings them or says how")

    def _account(self, clips: Sequence[Clip], todo: int, counts: Counter[str]) -> list[str]:
        rejected = {c.id: r["reject"] for c in clips if (r := self.prepared.record(c.id))}
        reasons = [f"rejected {clip}: {why}" for clip, why in rejected.items() if why]
        done = ", ".join(f"{n} {status}" for status, n in counts.items())
        head = f"{len(clips)} clips: {done}, {len(clips) - todo} were done already"
        licence = f"licence of {self._layout.name}: {self._layout.licence}"
        made = f"prepared set {self.prepared.folder}: {self.prepared.digest}"
        return [licence, head, *reasons, made]

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


_TABLE = 30
"""Labels of more values than this (sentences) are not compared between actors."""
