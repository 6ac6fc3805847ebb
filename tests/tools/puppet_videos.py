"""Drawn people as videos: recordings in full frame, and what a generator might have made of them.

`python tests/tools/puppet_videos.py RECORDINGS OUTPUTS` writes RECORDINGS/CLIP.mp4 and OUTPUTS/CLIP_out.mp4 for
four clips of two puppet actors, 16:9, H.264 with sound; in the outputs the head does not move, as in those of many generators.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from thbench.api import Frames
from thbench.video import write_h264
from thbench_puppet.changes import head
from thbench_puppet.dataset import make

CLIPS = ("1005_IWL_NEU_XX", "1005_TAI_HAP_XX", "1014_IWL_NEU_XX", "1014_TAI_HAP_XX")
HEIGHT, WIDTH = 144, 256


def full_frame(frames: Frames) -> Frames:
    """[T, HEIGHT, WIDTH, 3]: the square in the middle, its left and right edge drawn out."""
    side = (WIDTH - HEIGHT) // 2
    return np.pad(frames, ((0, 0), (0, 0), (side, side), (0, 0)), mode="edge")


def main(recordings: Path, outputs: Path) -> None:
    for clip in CLIPS:
        source = make(clip, HEIGHT)
        made = head(source, 1.0, clip)
        write_h264(recordings / f"{clip}.mp4", full_frame(source.frames), source.audio, crf=10)
        write_h264(outputs / f"{clip}_out.mp4", full_frame(made.frames), made.audio)
        print(f"{clip}: {len(source.frames)} frames")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
