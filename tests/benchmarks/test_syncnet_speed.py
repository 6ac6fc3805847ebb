"""Speed of SyncNet beside the reference: `pytest tests/benchmarks/test_syncnet_speed.py --benchmark-only`.

pytest-benchmark prints each group's ratios. The lip network's reference is its published 3-D form;
file to number is compared with joonson/syncnet_python's own `evaluate` where a checkout is named by
THBENCH_SYNCNET_PYTHON and ffmpeg is on the PATH.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from random_syncnet import random_state
from thbench.video import MediaReader
from thbench_speech.mfcc import mfcc
from thbench_syncnet.distance import synchrony
from thbench_syncnet.features import lip_frames, window_features
from thbench_syncnet.folded import Folded
from thbench_syncnet.networks import SyncNet, syncnet

WINDOWS = 20
"""The reference's batch."""
BATCH = 4
"""The harness's default: the first layer's output stays in the cache."""
Benchmark = Callable[..., object]


@pytest.fixture(scope="module")
def network() -> SyncNet:
    torch.set_num_threads(1)  # as a worker of the harness; both sides alike
    return syncnet(random_state(6, {}))


@pytest.mark.benchmark(group="lip network, 20 windows")
def test_lip_reference_form(benchmark: Benchmark, network: SyncNet) -> None:
    windows = torch.randint(0, 256, (WINDOWS, 3, 5, 224, 224)).float()
    with torch.inference_mode():
        benchmark(network.lip, windows)


@pytest.mark.benchmark(group="lip network, 20 windows")
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_lip_folded(benchmark: Benchmark, network: SyncNet, precision: torch.dtype) -> None:
    folded = Folded(network, precision)
    windows = torch.randint(0, 256, (WINDOWS, 15, 224, 224), dtype=torch.uint8)
    windows = windows.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        benchmark(lambda: [folded.lip(windows[i : i + BATCH]) for i in range(0, WINDOWS, BATCH)])


@pytest.fixture(scope="module")
def cropped(assets: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames of a real clip at 224 px in the container the reference pipeline hands on."""
    import av

    recording = MediaReader().read(assets("clips/speaker_a_512px_25fps_mpeg4.mp4"))
    path = tmp_path_factory.mktemp("clip") / "cropped.avi"
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=25, width=224, height=224, pix_fmt="yuv420p")
        sound = out.add_stream("pcm_s16le", rate=16_000, layout="mono")
        video.bit_rate = 4_000_000
        for picture in lip_frames(recording.frames[:60])[..., ::-1]:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode())
        assert recording.audio is not None
        samples = av.AudioFrame.from_ndarray(recording.audio[None, : 60 * 640], "s16", "mono")
        samples.sample_rate = 16_000
        out.mux(sound.encode(samples))
    return path


@pytest.mark.benchmark(group="file to number, 60 frames", min_rounds=3)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_file_to_number(
    benchmark: Benchmark, network: SyncNet, cropped: Path, precision: torch.dtype
) -> None:
    folded = Folded(network, precision)

    def score() -> None:
        recording = MediaReader().read(cropped)
        assert recording.audio is not None
        synchrony(*window_features(recording.frames, recording.audio, folded, BATCH))

    benchmark(score)


@pytest.mark.benchmark(group="file to number, 60 frames", min_rounds=3)
def test_file_to_number_of_the_reference(
    benchmark: Benchmark, cropped: Path, tmp_path: Path
) -> None:
    folder, ffmpeg = os.environ.get("THBENCH_SYNCNET_PYTHON"), shutil.which("ffmpeg")
    if not folder or not ffmpeg:
        pytest.skip("needs THBENCH_SYNCNET_PYTHON (a checkout of syncnet_python) and ffmpeg")
    from syncnet_peer import Peer

    peer = Peer(Path(folder), random_state(6, {}), double=False)
    benchmark(peer.evaluate_file, cropped, tmp_path, Path(ffmpeg))


@pytest.mark.benchmark(group="mfcc, 10 s")
@pytest.mark.parametrize("which", ["ours", "python_speech_features"])
def test_mfcc(benchmark: Benchmark, which: str) -> None:
    import python_speech_features

    audio = np.random.default_rng(0).integers(-9000, 9000, 160_000, dtype=np.int16)
    benchmark(mfcc if which == "ours" else python_speech_features.mfcc, audio)
