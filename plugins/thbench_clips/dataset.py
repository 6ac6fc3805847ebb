"""The dataset `clips`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from thbench.api import (
    FPS,
    SAMPLES_PER_FRAME,
    Clip,
    ClipFailure,
    Context,
    Frames,
    Missing,
    Source,
    Square,
    Waveform,
)
from thbench_clips import ClipsOptions, missing
from thbench_clips.listing import (
    Listed,
    clips_in_folder,
    clips_in_manifest,
    files_under,
    first_names,
)
from thbench_clips.names import on_disk, printable_text, spelled

if TYPE_CHECKING:
    from thbench_clips.crop import ClipFaces

__all__ = ["ClipsDataset"]


LONGEST = 15 * 60 * FPS
"""Frames of the longest clip that is read without `max_seconds`."""


class ClipsDataset:
    """Videos under a folder as square clips; pictures are read one by one, so memory stays flat."""

    version = "2"

    def __init__(self, options: ClipsOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def missing(self) -> Sequence[Missing]:
        return missing(self._options)

    def clips(self) -> Sequence[Clip]:
        return [entry.clip for entry in self._listed.values()]

    @property
    def actors_unknown(self) -> bool:
        """Whether every file is its own actor because nothing says whose it is."""
        clips = self.clips()
        guessed = self._options.actor is None and all(c.actor == c.id for c in clips)
        return guessed and len(clips) > 1

    def remarks(self) -> Sequence[str]:
        """What must be known of the actors, since intervals go over them, and files that are no clip."""
        return [*self._on_actors(), *self._on_other_files()]

    def _on_other_files(self) -> Sequence[str]:
        clips = {entry.file for entry in self._listed.values()}
        spelled_out = {name for file in clips for name in spelled(file)}
        root, manifest = self._options.root, self._options.manifest
        own = manifest.resolve() if manifest else None
        others = [
            f for f in files_under(root) if f not in spelled_out and (root / f).resolve() != own
        ]
        if not others:
            return ()
        why = "are not in the manifest" if manifest else "are no videos"
        return [
            f"{root}: {len(others)} file(s) {why}, and belong to no clip: {first_names(others)}"
        ]

    def _on_actors(self) -> Sequence[str]:
        if not self.actors_unknown:
            return ()
        return [
            f"actors are unknown: each of {len(self._listed)} files counts as an actor of its own, and where "
            "people appear in several, intervals are too narrow; set dataset.actor='{actor}_{clip}' "
            "as files are named, put each actor's files into a folder, or give a manifest"
        ]

    def load(self, clip: Clip, size: int) -> Source:
        """Frames and sound of one clip; annotations are empty.

        Raises ClipFailure, to be asked again: unreadable, no audio track, too few frames, not square,
        no face.
        """
        try:
            return self._loaded(clip, size)
        except ClipFailure as failure:
            raise ClipFailure(failure.reason, again=True) from failure

    def _loaded(self, clip: Clip, size: int) -> Source:
        path = on_disk(self._options.root, self._listed[clip.id].file)
        audio = self._audio(path)
        frames, frame = self._frames(path, size)
        if len(frames) < self._options.min_frames:
            counted = f"{len(frames)} frame{'' if len(frames) == 1 else 's'}"
            raise ClipFailure(f"{counted}: at least {self._options.min_frames} needed")
        audio = audio[: len(frames) * SAMPLES_PER_FRAME]
        changes = [said] if (said := self._context.media.probe(path).hdr_note) else []
        return Source(frames, audio, origin=path, frame=frame, changes=changes)

    @cached_property
    def _listed(self) -> dict[str, Listed]:
        manifest = self._options.manifest
        actor = self._options.actor
        if manifest:
            listed = clips_in_manifest(manifest, actor)
        else:
            listed = clips_in_folder(self._options.root, actor)
        return {entry.clip.id: entry for entry in listed}

    @cached_property
    def _faces(self) -> ClipFaces:
        from thbench_clips.crop import ClipFaces

        return ClipFaces(self._context, self._options.max_missing)

    @property
    def _limit(self) -> int | None:
        seconds = self._options.max_seconds
        return None if seconds is None else max(1, round(seconds * FPS))

    def _audio(self, path: Path) -> Waveform:
        audio = self._context.media.audio(path)
        if audio is None:
            raise ClipFailure(f"{printable_text(path.name)}: no audio track")
        if not len(audio):
            raise ClipFailure(f"{printable_text(path.name)}: the audio track is empty")
        return audio

    def _pictures(self, path: Path) -> Iterator[Frames]:
        return islice(self._context.media.frames(path, FPS), self._limit)

    def _frames(self, path: Path, size: int) -> tuple[Frames, Square]:
        """[T, size, size, 3], and their square. A face's square is found in a reading of its own."""
        self._check_length(path)
        pictures = self._pictures(path)
        first = next(pictures)
        square = self._square(path, first)
        cut = (square.cut(p, size) for p in chain([first], pictures))
        return self._context.media.gather(cut), square

    def _check_length(self, path: Path) -> None:
        """Without a limit nothing of a file that would become far too long is decoded."""
        if self._limit is None and (n := self._context.media.probe(path).frames_at_25) > LONGEST:
            raise ClipFailure(f"{n // FPS} s long, {LONGEST // FPS} s at most: set max_seconds")

    def _square(self, path: Path, first: Frames) -> Square:
        from thbench_clips.crop import centre_square, whole_square

        if self._options.crop == "face":
            box = self._faces.square(path, self._limit, lambda: self._pictures(path))
            return box.of(first)
        return centre_square(first) if self._options.crop == "centre" else whole_square(first)
