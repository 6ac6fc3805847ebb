"""Makes tests/builtin/syncnet/reference.npz again from joonson/syncnet_python (MIT), which is run, not copied.

git clone https://github.com/joonson/syncnet_python /tmp/syncnet_python
PYTHONPATH=tests/support python tests/tools/make_syncnet_reference.py /tmp/syncnet_python
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from random_syncnet import (
    calibrated_norms,
    checksum,
    planted_faces,
    planted_frames,
    random_state,
    synthetic_clip,
)
from syncnet_peer import Peer
from syncnet_pipeline_peer import Pipeline
from thbench_syncnet.features import lip_frames, lip_windows, sound_windows

SEED = 6
TESTS = Path(__file__).resolve().parents[1]
TARGET = TESTS / "builtin" / "syncnet" / "reference.npz"
TRACKING = TESTS / "builtin" / "syncnet" / "reference_tracking.npz"


def norms_of_clip() -> dict[str, np.ndarray]:
    """Batch norms calibrated on the synthetic clip's own windows."""
    frames, audio = synthetic_clip()
    lip = lip_windows(lip_frames(frames), 0, 16).reshape(16, 5, 3, 224, 224).transpose(1, 2)
    return calibrated_norms(random_state(SEED, {}), lip, sound_windows(audio, 16))


def main(folder: Path) -> None:
    norms = norms_of_clip()
    state = random_state(SEED, norms)
    peer = Peer(folder, state)
    frames, audio = synthetic_clip()
    with tempfile.TemporaryDirectory() as work:
        found = peer.evaluate(frames, audio, Path(work))
    stream = np.random.RandomState(15)
    lip, sound = stream.random_sample((2, 40, 8))
    planted = torch.stack(
        peer.module.calc_pdist(torch.from_numpy(lip), torch.from_numpy(sound), vshift=15), 1
    )
    np.savez_compressed(
        TARGET,
        seed=SEED,
        sha256=checksum(state),
        offset=found.offset,
        confidence=found.confidence,
        distances=found.distances,
        pdist_lip=lip,
        pdist_sound=sound,
        pdist=planted.numpy(),
        provenance="joonson/syncnet_python 6efbb1c SyncNetInstance.evaluate, calc_pdist; float64, CPU",
        **{f"norm/{name}": value for name, value in norms.items()},
    )


def tracking(folder: Path) -> None:
    """Tracks and crops of planted faces by its run_pipeline.py; crops stored as 8 x 8 means."""
    faces, frames = planted_faces(), planted_frames()
    with tempfile.TemporaryDirectory() as work, contextlib.redirect_stdout(io.StringIO()):
        pipeline = Pipeline(folder, Path(work), min_track=30, min_face_size=20)
        tracks = pipeline.tracks(faces)
        crops = pipeline.crops(frames, tracks[0])
    np.savez_compressed(
        TRACKING,
        firsts=[track["frame"][0] for track in tracks],
        lengths=[len(track["frame"]) for track in tracks],
        boxes=np.concatenate([track["bbox"] for track in tracks]),
        crops=crops.reshape(len(crops), 8, 28, 8, 28, 3).mean(axis=(2, 4)),
        provenance="joonson/syncnet_python 6efbb1c run_pipeline.py track_shot, crop_video",
    )


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(Path(sys.argv[1]))
    tracking(Path(sys.argv[1]))
