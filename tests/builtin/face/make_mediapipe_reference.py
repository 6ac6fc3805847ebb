"""Makes mediapipe_points.npz: what mediapipe 0.10.21 itself finds in ten frames of real clips.

Two steps, because mediapipe needs numpy < 2 and so an environment of its own:

    python tests/builtin/face/make_mediapipe_reference.py frames frames.npz     # here, with thbench
    python -m venv mp && mp/bin/pip install 'numpy<2' 'protobuf<5' absl-py attrs flatbuffers matplotlib \
        'opencv-python-headless<4.12' sounddevice && mp/bin/pip install --no-deps mediapipe==0.10.21
    mp/bin/python tests/builtin/face/make_mediapipe_reference.py points frames.npz mediapipe_points.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def write_frames(out: Path) -> None:
    from real_heads import HEADS, head_frames

    assets = Path(__file__).resolve().parents[4] / "shared"
    pictures = {k: head_frames(assets, k, 256, 48)[::10] for k in HEADS if k in "ad"}
    np.savez_compressed(out, **pictures)


def write_points(frames: Path, out: Path) -> None:
    """x, y in hundredths of a pixel, pixel centres at integers; static mode, no refinement."""
    import mediapipe

    found = {}
    with np.load(frames) as pictures:
        for name in pictures.files:
            face_mesh = mediapipe.solutions.face_mesh.FaceMesh(
                static_image_mode=True, refine_landmarks=False, max_num_faces=1
            )
            points = []
            for picture in pictures[name]:
                (face,) = face_mesh.process(picture).multi_face_landmarks
                size = picture.shape[0]
                points.append([(p.x * size - 0.5, p.y * size - 0.5) for p in face.landmark])
            found[name] = np.round(np.array(points) * 100).astype(np.int16)
    np.savez_compressed(out, **found)


if __name__ == "__main__":
    step, *paths = sys.argv[1:]
    if step == "frames":
        sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
        write_frames(*map(Path, paths))
    else:
        write_points(*map(Path, paths))
