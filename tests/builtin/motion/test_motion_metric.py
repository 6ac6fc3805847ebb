"""The metrics `ofm` and `f_mse`: properties that the definitions promise."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from thbench.api import Clip, ClipFailure, Frames, Metric, Observed, Pair, UserError
from thbench.video import MemoryVideo
from thbench.video.reader import MediaReader
from thbench_motion import FMseOptions, OfmOptions, thbench_metrics
from thbench_motion.difference import frame_wise_mse, wrapped_frame_wise_mse
from thbench_motion.flow import Lengths, lengths_of, optical_flow_magnitude

PLUGINS = {p.name: p for p in thbench_metrics()}
CONTEXT: Any = SimpleNamespace(threads=1, device="cpu")


def face_like(count: int = 8, size: int = 64, step: float = 0.7, start: int = 0) -> Frames:
    """A smooth texture that drifts `step` pixels a frame."""
    noise = np.random.default_rng(7).normal(size=(size + 40, size + 40, 3))
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.5), None, 30, 220, cv2.NORM_MINMAX)
    shifts = [
        np.float32([[1, 0, -step * (start + i)], [0, 1, -step * i / 2]]) for i in range(count)
    ]
    moved = [cv2.warpAffine(texture, m, (size, size)) for m in shifts]
    return np.rint(np.stack(moved)).astype(np.uint8)


def metric(name: str, variant: str = "") -> Metric:
    plugin = PLUGINS[name]
    options = plugin.options(**plugin.variants[variant]) if variant else plugin.options()
    return plugin.build(options, CONTEXT)


def observe(m: Metric, frames: Frames, reference: Frames | None = None) -> float:
    pair = Pair(
        Clip("c", "a"), MemoryVideo(frames), MemoryVideo(frames if reference is None else reference)
    )
    return m.observe(pair).rows[next(iter(m.scores))]


def reduced(m: Metric, rows: dict[str, float], name: str) -> float:
    seen = [Observed(Clip(i, "a"), dict.fromkeys(m.scores, v), {}) for i, v in sorted(rows.items())]
    return m.reduce(SimpleNamespace(generated=seen, reference=()))[name]


@pytest.mark.parametrize("name", ["ofm", "f_mse"])
@pytest.mark.parametrize("variant", ["", "diffused-heads"])
def test_ground_truth_is_its_own_optimum(name: str, variant: str) -> None:
    """Nearer-reference: the same frames give the reference's value to the last bit, others do not."""
    m, frames = metric(name, variant), face_like()
    assert m.scores[name].better == "nearer-reference"
    own = observe(m, frames)
    assert observe(m, frames.copy(), reference=face_like(step=2.0)) == own  # looks at no reference
    assert observe(m, face_like(step=2.0)) != own


@pytest.mark.parametrize("name", ["ofm", "f_mse"])
def test_faster_motion_is_more(name: str) -> None:
    values = [observe(metric(name), face_like(step=s)) for s in (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)]
    assert values[0] == 0 if name == "f_mse" else values[0] < 0.02
    assert all(a < b for a, b in itertools.pairwise(values))


@pytest.mark.parametrize("name", ["ofm", "f_mse"])
def test_more_noise_is_more(name: str) -> None:
    rng, frames = np.random.default_rng(1), face_like()
    noise = rng.normal(size=frames.shape)
    noisy = [
        np.clip(np.rint(frames + s * noise), 0, 255).astype(np.uint8) for s in (0, 2, 4, 8, 16)
    ]
    values = [observe(metric(name), f) for f in noisy]
    assert all(a < b for a, b in itertools.pairwise(values))


def test_f_mse_grows_by_twice_the_noise_power() -> None:
    frames = face_like(count=12)
    noise = np.random.default_rng(2).normal(scale=6, size=frames.shape)
    noisy = np.rint(frames + noise).astype(np.uint8)
    assert frame_wise_mse(noisy) - frame_wise_mse(frames) == pytest.approx(2 * 36, rel=0.05)


def test_f_mse_falls_under_blur() -> None:
    frames = face_like()
    blurred = [np.stack([cv2.GaussianBlur(f, (0, 0), s) for f in frames]) for s in (0.5, 1, 2, 4)]
    values = [observe(metric("f_mse"), f) for f in [frames, *blurred]]
    assert all(a > b for a, b in itertools.pairwise(values))


@pytest.mark.parametrize("name", ["ofm", "f_mse"])
def test_freezing_lowers(name: str) -> None:
    frames = face_like(count=10)
    half = frames.copy()
    half[5:] = frames[4]
    values = [observe(metric(name), f) for f in (frames, half, np.repeat(frames[:1], 10, axis=0))]
    assert values[0] > values[1] > values[2]
    assert values[2] == 0 if name == "f_mse" else values[2] < 0.02


@pytest.mark.parametrize("name", ["ofm", "f_mse"])
def test_time_reversal_and_offset_leave_f_mse(name: str) -> None:
    frames = face_like()
    brighter = (frames + 20).astype(np.uint8)  # 30..220: nothing clips
    assert observe(metric(name), brighter) == pytest.approx(observe(metric(name), frames), rel=1e-2)
    if name == "f_mse":
        assert observe(metric(name), frames[::-1]) == observe(metric(name), frames)


@settings(max_examples=40, deadline=None)
@given(npst.arrays(np.uint8, st.tuples(st.integers(2, 5), st.just(6), st.just(6), st.just(3))))
def test_f_mse_is_the_mean_of_exact_integers(frames: Frames) -> None:
    difference = frames[1:].astype(np.int64) - frames[:-1]
    assert frame_wise_mse(frames) == pytest.approx(
        int((difference**2).sum()) / difference.size, rel=1e-12
    )
    wrapped = (difference**2) % 256
    assert wrapped_frame_wise_mse(frames, 0) == pytest.approx(
        int(wrapped.sum()) / wrapped.size, rel=1e-12
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=12), st.randoms())
def test_reduce_is_the_mean_of_clip_means(values: list[float], random: Any) -> None:
    """Clips count alike whatever their length, and neither order nor partition is seen."""
    rows = {f"clip{i:02}": v for i, v in enumerate(values)}
    shuffled = list(rows.items())
    random.shuffle(shuffled)
    m = metric("ofm")
    assert reduced(m, dict(shuffled), "ofm") == reduced(m, rows, "ofm")
    assert reduced(m, rows, "ofm") == pytest.approx(sum(values) / len(values), rel=1e-12, abs=1e-12)


def test_a_long_clip_does_not_outweigh_a_short_one() -> None:
    m, fast, slow = metric("f_mse"), face_like(count=3, step=2.0), face_like(count=20, step=0.2)
    a, b = observe(m, fast), observe(m, slow)
    assert reduced(m, {"a": a, "b": b}, "f_mse") == (a + b) / 2


def test_no_clip_is_a_reason_and_no_number() -> None:
    with pytest.raises(ClipFailure, match="no clip was scored"):
        reduced(metric("ofm"), {}, "ofm")


@pytest.mark.parametrize("name", ["ofm", "f_mse"])
@pytest.mark.parametrize("variant", ["", "diffused-heads"])
def test_read_only_frames_and_values_in_range(name: str, variant: str) -> None:
    frames = face_like(size=80)
    frames.flags.writeable = False
    m = metric(name, variant)
    low, high = m.scores[name].range
    assert low <= observe(m, frames) <= high


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_no_bit_and_are_given_back(threads: int) -> None:
    before = cv2.getNumThreads()
    m = PLUGINS["ofm"].build(OfmOptions(), SimpleNamespace(threads=threads, device="cpu"))
    assert observe(m, face_like(size=128)) == optical_flow_magnitude(face_like(size=128))
    assert cv2.getNumThreads() == before


def test_variants_differ_from_the_canonical_definition() -> None:
    assert PLUGINS["ofm"].variants["diffused-heads"] == {"resize": 128, "measure": "jet"}
    assert PLUGINS["f_mse"].variants["diffused-heads"] == {"resize": 128, "arithmetic": "uint8"}
    still = np.repeat(face_like(count=1, size=96), 4, axis=0)
    assert observe(metric("ofm", "diffused-heads"), still) == pytest.approx(128 / 3, abs=1e-12)
    wild = face_like(size=128, step=3)
    assert observe(metric("f_mse", "diffused-heads"), wild) == wrapped_frame_wise_mse(wild, 0)


def test_parameters_reach_opencv() -> None:
    frames = face_like(size=128, step=3)
    default = optical_flow_magnitude(frames)
    for change in (
        {"winsize": 15},
        {"iterations": 1},
        {"levels": 1},
        {"poly_n": 7},
        {"pyr_scale": 0.8},
    ):
        built = PLUGINS["ofm"].build(replace(OfmOptions(), **change), CONTEXT)
        assert observe(built, frames) != default, change


def test_options_are_refused_by_name() -> None:
    from pydantic import TypeAdapter, ValidationError

    for options, bad in ((OfmOptions, {"pyr_scale": 1.0}), (FMseOptions, {"resize": -1})):
        with pytest.raises(ValidationError, match=next(iter(bad))):
            TypeAdapter(options).validate_python(bad)


def test_flat_regions_are_told_and_the_companions_do_not_follow(
    assets: Callable[[str], Path],
) -> None:
    """A still picture of a generated clip with a flat background: Farneback sees 0.15 pixels per frame."""
    path = assets("clips/generated/anitalker_statue_256px_9s.mp4")
    first = next(MediaReader().frames(path))
    still = np.repeat(cv2.resize(first, (128, 128), interpolation=cv2.INTER_AREA)[None], 3, axis=0)
    pair = Pair(Clip("c", "a"), MemoryVideo(still), MemoryVideo(still))
    rows = metric("ofm").observe(pair).rows
    assert rows["ofm"] > 0.1 and rows["ofm_beyond"] < 0.01 and rows["ofm_carried_beyond"] > 0.7
    assert metric("ofm", "clipped").observe(pair).rows["ofm"] < 0.3 * rows["ofm"]
    assert metric("ofm", "dis").observe(pair).rows["ofm"] == 0
    seen = [Observed(pair.clip, rows, {})]
    (note, _) = metric("ofm").notes(SimpleNamespace(generated=seen, reference=seen))
    assert "generated clips" in note and "ofm@clipped" in note
    calm = [Observed(pair.clip, {"ofm": 0.2, "ofm_beyond": 0.0, "ofm_carried_beyond": 0.0}, {})]
    assert metric("ofm").notes(SimpleNamespace(generated=calm, reference=calm)) == []


def test_lengths_of_known_displacements() -> None:
    field = np.zeros((64, 64, 2), np.float32)
    field[:, :16] = (3, 4)  # a quarter of the pixels moves by 5
    found = lengths_of(iter([field, np.zeros_like(field)]))
    assert found.mean == pytest.approx(5 / 8)
    assert (found.beyond, found.carried, found.clipped) == pytest.approx((1 / 8, 1, 2 / 8))
    assert lengths_of(iter([np.zeros_like(field)])) == Lengths(0, 0, 0, 0)


def test_dis_needs_a_picture_it_can_search_and_no_measure_of_farneback() -> None:
    tiny = np.zeros((2, 8, 8, 3), np.uint8)
    with pytest.raises(ClipFailure, match="dis needs 12"):
        metric("ofm", "dis").observe(Pair(Clip("c", "a"), MemoryVideo(tiny), MemoryVideo(tiny)))
    plugin = PLUGINS["ofm"]
    with pytest.raises(UserError, match="belongs to the flow of Farneback"):
        plugin.build(plugin.options(flow="dis", measure="clipped"), CONTEXT)
