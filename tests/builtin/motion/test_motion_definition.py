"""OFM and F-MSE against computations written here from the definition alone.

Each comparison passes through the step where implementations go wrong: the grey weights (RGB taken
for BGR), uint8 arithmetic, the mean over channels, a resize before the flow, the number of pairs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from thbench.api import ClipFailure, Frames
from thbench.environment import Settings
from thbench.plugins.context import build
from thbench.plugins.discovery import registry
from thbench_motion.difference import frame_wise_mse, wrapped_frame_wise_mse
from thbench_motion.flow import jet_flow_picture_mean, optical_flow_magnitude


def real_frames(path: Path, size: int, count: int = 12) -> Frames:
    with av.open(str(path)) as container:
        frames = [
            f.to_ndarray(format="rgb24")
            for f, _ in zip(container.decode(video=0), range(count), strict=False)
        ]
    return np.stack([cv2.resize(f, (size, size), interpolation=cv2.INTER_AREA) for f in frames])


def moving_disc(size: int, count: int = 10, step: float = 1.5) -> Frames:
    """A red-to-blue shaded disc that moves right by `step` pixels a frame over a coloured gradient."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float64)
    background = np.stack([x, y, size - x], axis=-1) * (180 / size)
    frames = []
    for i in range(count):
        cx = size * 0.3 + step * i
        inside = np.clip(size * 0.2 - np.hypot(x - cx, y - size / 2), 0, 1)[..., None]
        shade = 128 + 100 * np.sin((x - cx) / 3) * np.cos(y / 4)
        disc = np.stack([shade, np.full_like(shade, 40), 255 - shade], axis=-1)
        frames.append(np.rint(background * (1 - inside) + disc * inside))
    return np.clip(np.stack(frames), 0, 255).astype(np.uint8)


def puppet(size: int, count: int = 12) -> Frames:
    """The middle of a clip of the embedded dataset, where its mouth moves."""
    registered = registry().find("dataset", "puppet")
    dataset = build(registered, registered.plugin.options(), registry(), Settings())
    frames: Frames = dataset.load(dataset.clips()[0], size).frames
    return frames[len(frames) // 2 - count // 2 :][:count]


@pytest.fixture(params=["real", "disc", "puppet"])
def clip(request: pytest.FixtureRequest, assets: Callable[[str], Path]) -> Callable[[int], Frames]:
    if request.param != "real":
        return moving_disc if request.param == "disc" else puppet
    path = assets("clips/speaker_a_512px_25fps_mpeg4.mp4")
    return lambda size: real_frames(path, size)


def grey(frame: np.ndarray) -> np.ndarray:
    """ITU-R 601 luma, rounded: R .299, G .587, B .114."""
    return np.rint(frame.astype(np.float64) @ [0.299, 0.587, 0.114]).astype(np.uint8)


def ofm_by_definition(frames: np.ndarray, grey_of: Callable[[np.ndarray], np.ndarray]) -> float:
    """Mean |flow| over all pixels of all pairs at once; flow from the object interface of OpenCV."""
    farneback = cv2.FarnebackOpticalFlow.create(
        numLevels=7, pyrScale=0.5, winSize=5, numIters=15, polyN=5, polySigma=1.2, flags=0
    )
    flows = [
        farneback.calc(grey_of(frames[i - 1]), grey_of(frames[i]), None)
        for i in range(1, len(frames))
    ]
    field = np.stack(flows).astype(np.float64)
    return float(np.sqrt((field**2).sum(axis=-1)).mean())


@pytest.mark.parametrize("size", [64, 128])
def test_ofm_equals_definition(clip: Callable[[int], Frames], size: int) -> None:
    frames = clip(size)
    # OpenCV's fixed-point luma may round one level differently, so the flow is compared on its grey
    # and the grey itself with the weights of the standard.
    ours = optical_flow_magnitude(frames)
    luma = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]
    assert (
        max(
            np.abs(g.astype(int) - grey(f).astype(int)).max()
            for g, f in zip(luma, frames, strict=True)
        )
        <= 1
    )
    expected = ofm_by_definition(frames, lambda f: cv2.cvtColor(f, cv2.COLOR_RGB2GRAY))
    assert ours == pytest.approx(expected, rel=1e-9)
    assert ours == pytest.approx(ofm_by_definition(frames, grey), rel=5e-3)


@pytest.mark.parametrize("size", [64, 128])
def test_ofm_wrong_readings_would_differ(clip: Callable[[int], Frames], size: int) -> None:
    frames = clip(size)
    ours = optical_flow_magnitude(frames)
    assert optical_flow_magnitude(frames[..., ::-1]) != pytest.approx(ours, rel=1e-3)  # BGR for RGB
    assert optical_flow_magnitude(frames, resize=96) != pytest.approx(ours, rel=1e-2)


@pytest.mark.parametrize("size", [64, 128])
def test_f_mse_equals_definition(clip: Callable[[int], Frames], size: int) -> None:
    frames = clip(size)
    exact = frames.astype(np.float64)
    expected = ((exact[1:] - exact[:-1]) ** 2).mean()
    assert frame_wise_mse(frames) == pytest.approx(expected, rel=1e-12)
    wrapped = ((frames[1:] - frames[:-1]) ** 2).mean(dtype=np.float64)
    assert wrapped_frame_wise_mse(frames, resize=0) == pytest.approx(wrapped, rel=1e-12)
    assert wrapped < 0.9 * expected  # these clips move enough to wrap


def test_known_displacement() -> None:
    """A texture that moves by one pixel has an OFM near one pixel per frame."""
    noise = np.random.default_rng(0).normal(size=(128, 160, 3))
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    frames = np.stack([np.rint(texture[:, i : i + 128]).astype(np.uint8) for i in range(8)])
    assert optical_flow_magnitude(frames) == pytest.approx(1.0, abs=0.1)  # less at the borders


def test_f_mse_by_hand() -> None:
    frames = np.zeros((3, 2, 2, 3), np.uint8)
    frames[1, 0, 0, 0] = 200  # one of 12 values: up by 200, then down by 200
    assert frame_wise_mse(frames) == 200**2 / 12


def test_diffused_heads_ofm_of_a_still_clip(clip: Callable[[int], Frames]) -> None:
    still = np.repeat(clip(160)[:1], 5, axis=0)
    assert jet_flow_picture_mean(still) == pytest.approx(128 / 3, abs=1e-12)
    assert round(jet_flow_picture_mean(still), 3) == 42.667
    assert optical_flow_magnitude(still) < 0.02  # the residue at the borders that ofm documents


def test_diffused_heads_ofm_follows_the_published_steps(clip: Callable[[int], Frames]) -> None:
    """BGR frames as cv2.VideoCapture gives them, at 160 px so that the resize to 128 takes part."""
    frames = clip(160)
    small = [cv2.resize(np.ascontiguousarray(f[..., ::-1]), (128, 128)) for f in frames]
    luma = [cv2.cvtColor(f, cv2.COLOR_BGR2GRAY) for f in small]
    pictures = []
    for before, after in itertools.pairwise(luma):
        flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 7, 5, 15, 5, 1.2, 0)
        length = np.sqrt(flow[..., 0] ** 2 + flow[..., 1] ** 2)
        scaled = (length - length.min()) * (255 / (length.max() - length.min()))
        pictures.append(cv2.applyColorMap(scaled.astype(np.uint8), cv2.COLORMAP_JET))
    # cv2's magnitude and normalisation round in float32, so single pixels may fall on the next level
    assert jet_flow_picture_mean(frames) == pytest.approx(np.stack(pictures).mean(), rel=1e-4)


def test_diffused_heads_f_mse_wraps() -> None:
    def pair(difference: int) -> Frames:
        return np.stack([np.full((8, 8, 3), value, np.uint8) for value in (100, 100 + difference)])

    assert wrapped_frame_wise_mse(pair(16), resize=0) == 0
    assert wrapped_frame_wise_mse(pair(15), resize=0) == 225
    assert wrapped_frame_wise_mse(pair(-16), resize=0) == 0
    assert wrapped_frame_wise_mse(pair(17), resize=0) == 289 % 256
    assert frame_wise_mse(pair(16)) == 256


@pytest.mark.parametrize("count, words", [(0, "0 frames"), (1, "1 frame")])
@pytest.mark.parametrize(
    "measure",
    [optical_flow_magnitude, jet_flow_picture_mean, frame_wise_mse, wrapped_frame_wise_mse],
)
def test_too_short(measure: Callable[[Frames], float], count: int, words: str) -> None:
    with pytest.raises(ClipFailure) as failure:
        measure(np.zeros((count, 64, 64, 3), np.uint8))
    assert failure.value.reason == f"{words}: motion needs at least 2"
