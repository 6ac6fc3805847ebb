"""`lmd` and `lvd` on real heads with real networks: what they react to, at three sizes, and their reasons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from damage import dimmed, frozen_mouth, moved
from guards import some
from real_heads import head_frames
from real_networks import RealNetworks
from thbench.api import Clip, ClipFailure, Frames, Pair
from thbench.video import MemoryVideo
from thbench.video.writer import through_h264
from thbench_landmarks import LmdOptions, LvdOptions, thbench_metrics
from thbench_landmarks.metric import LandmarkDistance, LandmarkVelocityDistance

FRAMES = 40
PLUGINS: dict[str, Any] = {p.name: p for p in thbench_metrics()}


@pytest.fixture(scope="module")
def context(assets: Callable[[str], Path]) -> Any:
    return RealNetworks(assets)


@pytest.fixture(scope="module")
def heads(assets: Callable[[str], Path]) -> Callable[[str, int], Frames]:
    folder = assets("clips").parent
    return lambda name, size: head_frames(folder, name, size, FRAMES)


def pair(generated: Frames, reference: Frames, identity: int | None = 0) -> Pair:
    return Pair(Clip("c", "a"), MemoryVideo(generated), MemoryVideo(reference), identity)


def m_lmd(context: Any, generated: Frames, reference: Frames, **options: Any) -> float:
    metric = LandmarkDistance(LmdOptions(**options), context)
    return metric.observe(pair(generated, reference)).rows["m_lmd"]


def landmarks(context: Any, frames: Frames, network: str = "mesh") -> NDArray[np.float32]:
    return context.extractor("landmarks68", network=network, max_missing=0.2)(MemoryVideo(frames))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [("a", 128), *((n, s) for n in "ac" for s in (64, 256))],
)
def test_the_mouth_counts_and_the_head_does_not(
    heads: Callable[[str, int], Frames], context: Any, name: str, size: int
) -> None:
    """Real damage to real pictures: what moves the whole head stays near the landmarks' own noise."""
    frames = heads(name, size)
    harmless = {
        "shift": moved(frames, shift=size / 64),
        "scale": moved(frames, scale=1.05),
        "roll": moved(frames, roll=5),
        "dim": dimmed(frames, 0.7),
        "crf 23": through_h264(frames, 23),
    }
    noise = {what: m_lmd(context, f, frames) for what, f in harmless.items()}
    frozen = m_lmd(context, frozen_mouth(frames, landmarks(context, frames)), frames)
    still = m_lmd(context, np.repeat(frames[:1], FRAMES, axis=0), frames)
    limit = {64: 0.025, 128: 0.015, 256: 0.01}[size]
    compressed = noise.pop("crf 23")  # at 64 px a codec's blocks are as large as lips
    assert compressed < (0.04 if size == 64 else limit)
    assert min(frozen, still) > (1 if size == 64 else 2.5) * compressed
    assert max(noise.values()) < limit, noise
    assert min(frozen, still) > 2.5 * max(noise.values())
    assert m_lmd(context, frames, frames) == 0


@pytest.mark.slow
def test_raw_pixels_are_a_measure_of_head_motion(
    heads: Callable[[str, int], Frames], context: Any
) -> None:
    """Clip a: a still picture three times as bad as a dead mouth on a moving head; aligned, about the same."""
    frames = heads("a", 256)
    dead = frozen_mouth(frames, landmarks(context, frames))
    still = np.repeat(frames[:1], FRAMES, axis=0)
    raw = [m_lmd(context, f, frames, form="raw") for f in (still, dead)]
    aligned = [m_lmd(context, f, frames) for f in (still, dead)]
    assert raw[0] > 2.5 * raw[1]
    assert aligned[0] < 1.3 * aligned[1]


def test_late_and_wrong_are_told_apart(heads: Callable[[str, int], Frames], context: Any) -> None:
    frames = heads("a", 128)
    late = np.concatenate([frames[:1], frames[:1], frames[:1], frames[:-3]])
    dead = frozen_mouth(frames, landmarks(context, frames))
    rigid, warped = (m_lmd(context, late, frames, dtw=d) for d in (0, 5))
    assert warped < 0.25 * rigid
    rigid, warped = (m_lmd(context, dead, frames, dtw=d) for d in (0, 5))
    assert 0.7 * rigid < warped <= rigid


@pytest.mark.slow
@pytest.mark.parametrize("network", ["mesh", "pfld", "dlib"])
def test_each_network_sees_a_dead_mouth(
    heads: Callable[[str, int], Frames], context: Any, network: str
) -> None:
    frames = heads("a", 256)[:24]
    dead = frozen_mouth(frames, landmarks(context, frames))
    compressed = through_h264(frames, 23)
    found, noise = (m_lmd(context, f, frames, landmarks=network) for f in (dead, compressed))
    assert found > 2 * noise and found > 0.04


def test_networks_agree_where_the_face_is(
    heads: Callable[[str, int], Frames], context: Any
) -> None:
    """Mesh and dlib against PFLD in eye distances: each has its own idea of a jaw, none of another face."""
    for name in some("ad"):
        frames = heads(name, 256)[:3]
        pfld = landmarks(context, frames, "pfld")
        io = np.linalg.norm(pfld[:, 36:42].mean(1) - pfld[:, 42:48].mean(1), axis=-1)
        mesh = landmarks(context, frames)
        apart = np.linalg.norm(mesh - pfld, axis=-1) / io[:, None]
        assert apart[:, :17].mean() < 0.15 and apart[:, 17:].mean() < 0.08
        assert np.corrcoef(mesh.reshape(-1), pfld.reshape(-1))[0, 1] > 0.995


def test_dlib_agrees_with_the_mesh_at_any_size(
    heads: Callable[[str, int], Frames], context: Any
) -> None:
    """Measured 7 % of the eye distance at 64 and at 256 px, and no shift between the two sizes."""
    found = {}
    for size in (64, 256):
        frames = heads("d", size)[:3]
        dlib, mesh = (landmarks(context, frames, n) for n in ("dlib", "mesh"))
        io = np.linalg.norm(mesh[:, 36:42].mean(1) - mesh[:, 42:48].mean(1), axis=-1)
        assert (np.linalg.norm(dlib - mesh, axis=-1) / io[:, None]).mean() < 0.09
        found[size] = (dlib + 0.5) * (256 / size)
    assert np.abs((found[64] - found[256]).mean(axis=(0, 1))).max() < 1.2
    whole_pixels = landmarks(context, heads("d", 64)[:1], "dlib") * 4
    assert not np.allclose(whole_pixels, np.round(whole_pixels))  # found in an enlarged picture


def test_velocity_stands_beside_its_floor(
    heads: Callable[[str, int], Frames], context: Any
) -> None:
    frames = heads("a", 128)
    metric = LandmarkVelocityDistance(LvdOptions(), context)
    compressed = metric.observe(pair(through_h264(frames, 35), frames))
    assert 0 < compressed.rows["m_lvd"] < compressed.rows["m_lvd_floor"]
    assert compressed.arrays["mouth_velocity_distance"].shape == (FRAMES - 1,)
    assert metric.observe(pair(frames, frames)).rows["m_lvd"] == 0


# -- what cannot be scored ----------------------------------------------------------------------------


@pytest.mark.slow
def test_frames_without_a_face_are_left_out_and_counted(
    heads: Callable[[str, int], Frames], context: Any
) -> None:
    frames = heads("a", 128)[:21]
    gaps = np.array(through_h264(frames, 23))
    gaps[5:8] = 127
    metric = LandmarkDistance(LmdOptions(), context)
    whole, holed = (metric.observe(pair(f, frames)) for f in (through_h264(frames, 23), gaps))
    course = holed.arrays["mouth_distance"]
    assert np.flatnonzero(np.isnan(course)).tolist() == [0, 5, 6, 7]
    assert holed.rows["lmd_missing"] == pytest.approx(3 / 20) and whole.rows["lmd_missing"] == 0
    assert holed.rows["m_lmd"] == pytest.approx(np.nanmean(course))
    everything = whole.arrays["mouth_distance"]
    assert np.nanmax(np.abs(course - everything)) == 0  # no frame changed for its neighbours
    gaps[5:12] = 127
    with pytest.raises(ClipFailure, match="a face in only 14 of 21 frames"):
        metric.observe(pair(gaps, frames))


def test_who_has_no_face_is_said(heads: Callable[[str, int], Frames], context: Any) -> None:
    frames = heads("a", 128)[:4]
    nothing = np.full_like(frames, 127)
    metric = LandmarkDistance(LmdOptions(), context)
    with pytest.raises(ClipFailure, match=r"^no face in any of 4 frames"):
        metric.observe(pair(nothing, frames))
    with pytest.raises(ClipFailure, match=r"^the reference: no face in any of 4 frames"):
        metric.observe(pair(frames, nothing))
    with pytest.raises(ClipFailure, match="3 frames of 128 px against a reference of 4 of 128 px"):
        metric.observe(pair(frames[:3], frames))


def test_one_frame(heads: Callable[[str, int], Frames], context: Any) -> None:
    frame = heads("a", 128)[:1]
    metric = LandmarkDistance(LmdOptions(), context)
    with pytest.raises(ClipFailure, match="beside the identity frame"):
        metric.observe(pair(frame, frame))
    assert metric.observe(pair(frame, frame, identity=None)).rows["m_lmd"] == 0
    with pytest.raises(ClipFailure, match="1 frame"):
        LandmarkVelocityDistance(LvdOptions(), context).observe(pair(frame, frame))


def test_two_faces_are_one_person(heads: Callable[[str, int], Frames], context: Any) -> None:
    """A smaller face in the corner of every frame changes nothing of note."""
    frames = heads("a", 256)[:6].copy()
    crowd = frames.copy()
    crowd[:, :64, :64] = heads("d", 64)[:6]
    assert m_lmd(context, crowd, frames) < 0.01


def test_every_variant_is_declared_with_what_it_needs() -> None:
    lmd = PLUGINS["lmd"]
    for name, changes in lmd.variants.items():
        options = lmd.options(**changes)
        (asked,) = lmd.extractors(options).values()
        assert asked["network"] == options.landmarks, name
    assert {"pfld", "fan", "dlib", "puppet-v1"} <= set(lmd.variants)
    from thbench_face import thbench_extractors

    (plugin,) = (p for p in thbench_extractors() if p.name == "landmarks68")
    weights = {
        n: plugin.weights(plugin.options(network=n)) for n in ("mesh", "pfld", "fan", "dlib")
    }
    assert weights == {
        "mesh": (), "pfld": ["pfld"], "fan": ["s3fd", "fan-2d4"], "dlib": ["dlib68"],
    }  # fmt: skip
    assert set(plugin.extractors(plugin.options(network="mesh"))) == {"face_mesh"}
    assert set(plugin.extractors(plugin.options(network="dlib"))) == {"face_boxes"}
    assert plugin.extractors(plugin.options(network="puppet-v1")) == {}


def test_cards_name_form_unit_and_landmarks(context: Any) -> None:
    class Nothing:
        def extractor(self, *_: Any, **__: Any) -> None: ...

    nothing: Any = Nothing()
    for form, unit in (("aligned", "interocular"), ("raw", "pixels"), ("l1", "pixels")):
        card = LandmarkDistance(LmdOptions(form=form), nothing).scores["m_lmd"]  # type: ignore[arg-type]
        assert unit in card.unit and "Landmarks: mesh" in card.biases and card.formula
    warped = LandmarkDistance(LmdOptions(dtw=5), nothing).scores["m_lmd"]
    assert "Hides a lag" in warped.biases and "5 frames" in warped.description
