"""The dataset: clips by name, rendered once and kept losslessly in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from thbench.api import Clip, ClipFailure, Context, Missing, Source, UserError, atomic_file, reading
from thbench_puppet import VERSION, Options
from thbench_puppet.changes import CHANGES, changed
from thbench_puppet.corruptions import corrupt
from thbench_puppet.names import all_clips, clip_ids
from thbench_puppet.scene import drawn, scene
from thbench_puppet.speech import synthesise

SIZES = range(32, 513)


def make(clip_id: str, size: int) -> Source:
    """The uncorrupted clip, drawn afresh: a pure function of its id and size."""
    seen = scene(clip_id)
    frames, annotations = drawn(seen, size)
    return Source(frames, synthesise(seen.score), annotations)


class Puppet:
    """91 drawn actors speaking CREMA-D's twelve sentences: 7,462 clips of 25 fps and 16 kHz."""

    version = VERSION
    synthetic = True

    def __init__(self, options: Options, context: Context) -> None:
        self.options = options
        code = context.source(__name__)  # what other code drew is never served
        self.cache = context.cache / f"{VERSION}-{code[:12]}"

    def missing(self) -> Sequence[Missing]:
        """Nothing: every clip is made on demand."""
        return ()

    def clips(self) -> Sequence[Clip]:
        return all_clips()

    def load(self, clip: Clip, size: int) -> Source:
        """The clip at `size` px, from the cache where it was rendered before.

        Raises UserError for a size outside 32..512 and ClipFailure for a clip the cast cannot play.
        """
        if size not in SIZES:
            raise UserError(f"puppet cannot be drawn at {size} px", "choose a size from 32 to 512")
        if clip.id not in clip_ids():
            raise ClipFailure(f"puppet has no clip {clip.id}")
        path = self.cache / str(size) / f"{clip.id}.npz"
        source = _read(path)
        if source is None:
            source = make(clip.id, size)
            _write(path, source)
        kind, amount = self.options.corruption, self.options.amount
        how = changed if kind in CHANGES else corrupt
        return how(source, kind, amount, clip.id)


def _write(path: Path, source: Source) -> None:
    """Store atomically; the frames as one tall PNG, which is lossless and a third of the size."""
    strip = source.frames.reshape(-1, *source.frames.shape[2:])
    _, png = cv2.imencode(".png", strip, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    with atomic_file(path, durable=False) as file:
        np.savez(file, allow_pickle=False, png=png, audio=source.audio, **source.annotations)


def _read(path: Path) -> Source | None:
    """What `_write` stored, or None where that is absent or damaged."""
    try:
        with reading(path):
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            strip = cv2.imdecode(arrays.pop("png"), cv2.IMREAD_COLOR)
            if strip is None:
                return None
            frames = strip.reshape(-1, strip.shape[1], strip.shape[1], 3)
            return Source(frames, arrays.pop("audio"), arrays)
    except UserError:
        return None
