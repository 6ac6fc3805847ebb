"""Which clips a dataset has, and where their files lie. Opens no media."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from thbench.api import Clip, UserError
from thbench_recordings import Options
from thbench_recordings.layout import Layout
from thbench_recordings.pattern import filled

__all__ = ["Entry", "Files", "entries"]


@dataclass(frozen=True)
class Entry:
    """A clip, and its files relative to the root with `/`; None where they are not there.

    span  seconds of `media` that are the clip; None: all of it
    box   left, width, top, height and the height of the picture they are pixels of, as published
    """

    clip: Clip
    media: str | None
    sound: str | None
    span: tuple[float, float] | None = None
    box: tuple[int, int, int, int, int] | None = None


class Files:
    """Files under a root, found by the end of their paths; hidden ones are passed over."""

    def __init__(self, root: Path) -> None:
        self.paths: list[str] = []
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in sorted(_walk(root)):
            self.paths.append(path)
            self._by_name[path.rpartition("/")[2]].append(path)

    def find(self, tail: str) -> str | None:
        """The first path that is `tail` or ends in `/tail`."""
        for path in self._by_name.get(tail.rpartition("/")[2], ()):
            if path == tail or path.endswith(f"/{tail}"):
                return path
        return None


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in files:
            if not file.startswith("."):
                yield Path(folder, file).relative_to(root).as_posix()


def entries(layout: Layout, options: Options, files: Files) -> dict[str, Entry]:
    """Every clip that the options ask for, by id, sorted.

    Raises UserError for labels or actors that no clip has.
    """
    rows = layout.listed()
    if rows is None:
        rows = [fields for path in files.paths if (fields := layout.fields_of(path)) is not None]
    found: dict[str, Entry] = {}
    for fields in rows:
        clip = _clip(layout, fields, options.unnamed)
        if clip is not None and clip.id not in found:
            found[clip.id] = _entry(layout, clip, fields, files)
    return _chosen(layout, options, dict(sorted(found.items())))


def _clip(layout: Layout, fields: Mapping[str, str], unnamed: bool) -> Clip | None:
    """None where its name says no person and such clips are not asked for."""
    clip = layout.id_of(fields)
    actor = layout.person(clip)
    if actor is None or (actor.startswith("?") and not unnamed):
        return None
    return Clip(clip, actor, {**layout.labels_of(fields), **layout.actors.get(actor, {})})


def _entry(layout: Layout, clip: Clip, fields: Mapping[str, str], files: Files) -> Entry:
    media = _first(layout.media, fields, files)
    span = None
    if media is None and (media := _first(layout.whole, fields, files)) is not None:
        span = (float(fields["start"]), float(fields["end"]))
    box = None
    if span is not None and int(fields.get("of") or 0):
        left, width, top, height, of = (
            int(fields[k]) for k in ("left", "width", "top", "height", "of")
        )
        box = (left, width, top, height, of)
    return Entry(clip, media, _first(layout.sound, fields, files), span, box)


def _first(patterns: Sequence[str], fields: Mapping[str, str], files: Files) -> str | None:
    for pattern in patterns:
        if (path := files.find(filled(pattern, fields))) is not None:
            return path
    return None


def _chosen(layout: Layout, options: Options, found: dict[str, Entry]) -> dict[str, Entry]:
    asked = {k: v for k, v in {**layout.where, **options.where}.items() if v != "all"}
    for name, value in asked.items():
        known = sorted({e.clip.labels.get(name, "") for e in found.values()} - {""})
        if found and name in options.where and value not in known:
            raise UserError(
                f"no clip of {layout.name} has the label {name}: {value}",
                f"choose of {', '.join(known) or 'the labels of `thbench data show`'}",
            )
    kept = {
        i: e for i, e in found.items() if all(e.clip.labels.get(k) == v for k, v in asked.items())
    }
    if not options.actors:
        return kept
    known = {e.clip.actor for e in kept.values()}
    if kept and (lost := set(options.actors) - known):
        raise UserError(f"{layout.name} has no actors {', '.join(sorted(lost))}", "check them")
    return {i: e for i, e in kept.items() if e.clip.actor in options.actors}
