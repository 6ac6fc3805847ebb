"""PSNR, SSIM and the torchmetrics adapter against scikit-image and against their definitions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch

from guards import some
from thbench.api import Clip, ClipFailure, Frames, Metric, Observed, Pair, UserError
from thbench.video import MemoryVideo
from thbench_similarity import PsnrOptions, SsimOptions, TorchmetricsOptions, thbench_metrics
from thbench_similarity.adapter import picture_classes, torchmetrics_class
from thbench_similarity.metric import compared_frames
from thbench_similarity.picture import picture_psnr, picture_ssim

PLUGINS: dict[str, Any] = {p.name: p for p in thbench_metrics()}
PSNR_ROUNDING = 5e-8  # torchmetrics holds log(10) and the range in float32 whatever the input
CONTEXT: Any = SimpleNamespace(threads=1, device="cpu")


pytestmark = pytest.mark.usefixtures("one_thread")


def build(name: str, **options: Any) -> Metric:
    plugin = PLUGINS[name]
    return plugin.build(plugin.options(**options), CONTEXT)


def observe(
    metric: Metric, generated: Frames, reference: Frames, identity: int | None = None
) -> float:
    pair = Pair(Clip("c", "a"), MemoryVideo(generated), MemoryVideo(reference), identity)
    (value,) = metric.observe(pair).rows.values()
    return value


def texture(count: int = 5, size: int = 48) -> Frames:
    noise = np.random.default_rng(3).normal(size=(count, size, size, 3))
    smooth = np.stack([cv2.GaussianBlur(n, (0, 0), 2) for n in noise])
    return np.rint(cv2.normalize(smooth, None, 20, 235, cv2.NORM_MINMAX)).astype(np.uint8)


def noisy(frames: Frames, sigma: float) -> Frames:
    noise = np.random.default_rng(4).normal(size=frames.shape)
    return np.clip(np.rint(frames + sigma * noise), 0, 255).astype(np.uint8)


def compressed(frame: np.ndarray, quality: int = 60) -> np.ndarray:
    _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


@pytest.fixture(scope="module")
def real(assets: Callable[[str], Path]) -> Callable[[int], Frames]:
    with av.open(str(assets("clips/speaker_d_512px_h264.mp4"))) as container:
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)][:200:120]

    def at(size: int) -> Frames:
        return np.stack([cv2.resize(f, (size, size), interpolation=cv2.INTER_AREA) for f in frames])

    return at


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize(
    "distort", [compressed, lambda f: cv2.GaussianBlur(f, (0, 0), 1.2), lambda f: noisy(f, 5)]
)
def test_equal_to_scikit_image(
    real: Callable[[int], Frames], size: int, distort: Callable[[np.ndarray], np.ndarray]
) -> None:
    metrics = pytest.importorskip(
        "skimage.metrics", reason="scikit-image is the outside implementation"
    )
    for frame in some(real(size)):
        other = distort(frame)
        a, b = other.astype(np.float64), frame.astype(np.float64)
        psnr = metrics.peak_signal_noise_ratio(b, a, data_range=255)
        ssim = metrics.structural_similarity(
            b, a, data_range=255, channel_axis=-1, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False,
        )  # fmt: skip
        assert picture_psnr(other, frame) == pytest.approx(psnr, rel=PSNR_ROUNDING)
        assert picture_ssim(other, frame, torch.float64) == pytest.approx(ssim, rel=1e-9)
        assert picture_ssim(other, frame) == pytest.approx(ssim, rel=5e-5)  # float32


def ssim_by_definition(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, window by window."""
    x = np.arange(-5, 6)
    kernel = np.exp(-(x[:, None] ** 2 + x**2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            p = a[i : i + 11, j : j + 11].astype(np.float64)
            q = b[i : i + 11, j : j + 11].astype(np.float64)
            w = kernel[..., None]
            mp, mq = (w * p).sum((0, 1)), (w * q).sum((0, 1))
            vp, vq = (w * (p - mp) ** 2).sum((0, 1)), (w * (q - mq) ** 2).sum((0, 1))
            cov = (w * (p - mp) * (q - mq)).sum((0, 1))
            values.append(
                (2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))
            )
    return float(np.mean(values))


def test_ssim_equals_its_definition() -> None:
    a = texture(1, 24)[0]
    b = noisy(a, 20)
    assert picture_ssim(b, a, torch.float64) == pytest.approx(ssim_by_definition(b, a), rel=1e-10)
    # torchmetrics' own mean also counts windows over mirrored borders
    library = observe(
        build("torchmetrics", class_name="StructuralSimilarityIndexMeasure"), b[None], a[None]
    )
    assert library != pytest.approx(picture_ssim(b, a), rel=1e-3)


def test_psnr_by_hand() -> None:
    a = np.full((8, 8, 3), 100, np.uint8)
    assert picture_psnr(a + 5, a) == pytest.approx(10 * np.log10(255**2 / 25), rel=PSNR_ROUNDING)
    assert picture_psnr(a, a) == 100.0
    assert picture_psnr(a, a, cap=60.0) == 60.0
    one = np.zeros((128, 128, 3), np.uint8)
    one[0, 0, 0] = 1
    assert 95 < picture_psnr(one, np.zeros_like(one)) < 100  # the cap stays above every difference


@pytest.mark.parametrize("name, best", [("psnr", 100.0), ("ssim", 1.0)])
def test_identity_is_the_optimum(name: str, best: float) -> None:
    metric, frames = build(name), texture()
    assert metric.scores[name].better == "higher"
    assert metric.scores[name].range[1] == best
    assert observe(metric, frames, frames.copy()) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("name", ["psnr", "ssim"])
def test_falls_with_noise_blur_and_shift(name: str) -> None:
    metric, frames = build(name), texture(3)
    blur = [np.stack([cv2.GaussianBlur(f, (0, 0), s) for f in frames]) for s in (0.5, 1, 2)]
    for series in (
        [noisy(frames, s) for s in (0, 2, 5, 10, 20)],
        [frames, *blur],
        [np.roll(frames, s, axis=2) for s in (0, 1, 2, 3)],
        [frames, (frames + 5).astype(np.uint8), (frames + 15).astype(np.uint8)],
    ):
        values = [observe(metric, changed, frames) for changed in series]
        assert all(a > b for a, b in pairwise(values)), values


def test_psnr_is_averaged_per_frame_and_not_pooled() -> None:
    """20 and 40 dB make 30; the PSNR of the pooled error would be 23."""
    a = np.full((2, 8, 8, 3), 100, np.uint8)
    b = a.copy()
    b[0] += 25
    b[1] += 2
    each = [picture_psnr(b[i], a[i]) for i in (0, 1)]
    assert observe(build("psnr"), b, a) == pytest.approx(sum(each) / 2, rel=1e-12)
    pooled = 10 * np.log10(255**2 / ((25**2 + 2**2) / 2))
    assert abs(pooled - sum(each) / 2) > 5


@pytest.mark.parametrize("name", ["psnr", "ssim"])
def test_the_identity_frame_is_skipped(name: str) -> None:
    frames = texture(4)
    changed = noisy(frames, 10)
    changed[2] = frames[2]
    without = np.delete(np.arange(4), 2)
    skipping, counting = build(name), build(name, skip_identity=False)
    expected = observe(counting, changed[without], frames[without])
    assert observe(skipping, changed, frames, identity=2) == expected
    assert observe(skipping, changed, frames, identity=None) > expected
    assert observe(skipping, changed, frames, identity=9) == observe(counting, changed, frames)
    with pytest.raises(ClipFailure, match="nothing to compare next to the identity frame"):
        observe(skipping, frames[:1], frames[:1], identity=0)


def test_different_shapes_are_a_reason() -> None:
    pair = Pair(Clip("c", "a"), MemoryVideo(texture(3)), MemoryVideo(texture(4)), 0)
    with pytest.raises(ClipFailure, match=r"against a reference of \(4, 48, 48, 3\)"):
        compared_frames(pair, True)
    with pytest.raises(ClipFailure, match="SSIM needs at least 11"):
        observe(build("ssim"), texture(2, 8), texture(2, 8))


@pytest.mark.parametrize("name", ["psnr", "ssim", "torchmetrics"])
def test_frames_and_clips_are_independent(name: str) -> None:
    """A frame's value depends on no other frame: the parts' weighted means make the whole."""
    options = {"class_name": "MeanAbsoluteError"} if name == "torchmetrics" else {}
    metric, frames = build(name, **options), texture(7)
    changed = noisy(frames, 8)
    whole = observe(metric, changed, frames)
    head, tail = (observe(metric, changed[s], frames[s]) for s in (slice(0, 3), slice(3, 7)))
    assert whole == pytest.approx((3 * head + 4 * tail) / 7, rel=1e-12)
    key = next(iter(metric.scores))
    rows = [Observed(Clip(c, "a"), {key: v}, {}) for c, v in (("a", head), ("b", tail))]
    observations: Any = SimpleNamespace(generated=rows, reference=())
    assert metric.reduce(observations) == {key: pytest.approx((head + tail) / 2, rel=1e-15)}


def test_adapter_equals_definitions() -> None:
    frames = texture(4)
    changed = noisy(frames, 12)
    exact = changed.astype(np.float64) - frames
    for name, expected in {
        "MeanSquaredError": (exact**2).mean((1, 2, 3)).mean(),
        "MeanAbsoluteError": np.abs(exact).mean(),
        "PeakSignalNoiseRatio": (10 * np.log10(255**2 / (exact**2).mean((1, 2, 3)))).mean(),
    }.items():
        assert observe(build("torchmetrics", class_name=name), changed, frames) == pytest.approx(
            expected, rel=PSNR_ROUNDING
        ), name


def test_adapter_scales_and_passes_arguments() -> None:
    frames, changed = texture(3), noisy(texture(3), 12)

    def value(**options: Any) -> float:
        return observe(build("torchmetrics", **options), changed, frames)

    psnr = value(class_name="PeakSignalNoiseRatio")
    for scale in ("0..1", "-1..1"):
        assert value(class_name="PeakSignalNoiseRatio", scale=scale) == pytest.approx(
            psnr, rel=1e-9
        )
    root = value(class_name="MeanSquaredError", arguments={"squared": False}, scale="0..1")
    exact = (changed.astype(np.float64) - frames) / 255
    assert root == pytest.approx(np.sqrt((exact**2).mean((1, 2, 3))).mean(), rel=1e-9)
    half = value(class_name="PeakSignalNoiseRatio", arguments={"data_range": 127.5})
    assert half == pytest.approx(psnr - 20 * np.log10(2), rel=PSNR_ROUNDING)
    ssim = "StructuralSimilarityIndexMeasure"
    assert value(class_name=ssim, precision="float32") == pytest.approx(
        value(class_name=ssim), rel=1e-5
    )


@pytest.mark.parametrize(
    "name, better",
    [
        ("StructuralSimilarityIndexMeasure", "higher"),
        ("UniversalImageQualityIndex", "higher"),
        ("SpectralAngleMapper", "lower"),
        ("MeanSquaredError", "lower"),
        ("VisualInformationFidelity", "higher"),
    ],
)
def test_adapter_takes_directions_from_the_class(name: str, better: str) -> None:
    metric = build("torchmetrics", class_name=name)
    assert metric.scores[name].better == better
    frames = texture(2, 64)
    light, heavy = (observe(metric, noisy(frames, s), frames) for s in (3, 15))
    assert light > heavy if better == "higher" else light < heavy


def test_adapter_refuses_with_the_nearest_name() -> None:
    with pytest.raises(UserError) as error:
        build("torchmetrics", class_name="PeakSignalToNoiseRatio")
    assert error.value.remedy == "did you mean PeakSignalNoiseRatio?"
    with pytest.raises(UserError, match="does not compare two pictures: its update takes"):
        torchmetrics_class("TotalVariation")
    with pytest.raises(UserError, match="has no class 'functional'"):
        torchmetrics_class("functional")
    assert "StructuralSimilarityIndexMeasure" in picture_classes()


@pytest.mark.filterwarnings("ignore:Metric `UniversalImageQualityIndex` will save")
def test_adapter_names_bad_arguments_and_unfit_pictures() -> None:
    with pytest.raises(UserError, match=r"torchmetrics:PeakSignalNoiseRatio: .*colour"):
        build("torchmetrics", class_name="PeakSignalNoiseRatio", arguments={"colour": True})
    small = texture(2, 32)
    with pytest.raises(ClipFailure, match="MultiScaleStructuralSimilarityIndexMeasure: "):
        observe(
            build("torchmetrics", class_name="MultiScaleStructuralSimilarityIndexMeasure"),
            noisy(small, 5),
            small,
        )
    with pytest.raises(ClipFailure, match="PeakSignalNoiseRatio is inf for a frame"):
        observe(build("torchmetrics", class_name="PeakSignalNoiseRatio"), small, small)
    with pytest.raises(ClipFailure, match="more than one number"):
        observe(
            build(
                "torchmetrics",
                class_name="UniversalImageQualityIndex",
                arguments={"reduction": "none"},
            ),
            small,
            small,
        )


def test_options_have_the_documented_defaults() -> None:
    assert (PsnrOptions().cap, PsnrOptions().skip_identity, SsimOptions().skip_identity) == (
        100.0,
        True,
        True,
    )
    assert PLUGINS["torchmetrics"].argument == "class_name"
    assert TorchmetricsOptions("X").scale == "0..255"
