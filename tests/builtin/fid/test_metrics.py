"""The metrics over clips and actors, with an extractor that reads features out of the pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import thbench_fid
from guards import some
from thbench.api import Clip, ClipFailure, Counts, Metric, Observed, Pair, UserError, Video
from thbench_fid.frechet import fid_from_features, fid_from_moments
from thbench_fid.kid import kid
from thbench_fid.metrics import Fid, Kid, PrecisionRecall, SetMetric, small_n
from thbench_fid.moments import pooled
from thbench_fid.neighbours import precision_recall

D = 12


@dataclass(frozen=True, eq=False)
class Clipped:
    """A video of random pixels."""

    frames: NDArray[np.uint8]
    digest: str = ""
    audio: NDArray[np.int16] | None = None
    annotations: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    n_frames: int = 0
    size: int = 4


class Pixels:
    """D pixel values of every frame are its features."""

    identity = "pixels"

    def __call__(self, video: Video) -> NDArray[np.float64]:
        return video.frames.reshape(len(video.frames), -1)[:, :D] / 255


@dataclass(frozen=True)
class Both:
    generated: Sequence[Observed]
    reference: Sequence[Observed]


def video(seed: int, n: int, bias: int = 0) -> Video:
    pixels = np.random.RandomState(seed).randint(0, 200, (n, 4, 4, 3)) + bias
    return Clipped(pixels.astype(np.uint8), n_frames=n)


CLIPS = [Clip(f"c{i}", f"actor{i % 3}") for i in range(9)]


def seen(metric: Metric, bias: int, clips: Sequence[Clip] = tuple(CLIPS)) -> list[Observed]:
    out = []
    for clip in clips:
        v = video(int(clip.id[1:]) + 100 * bias, 6 + int(clip.id[1:]), bias)
        o = metric.observe(Pair(clip, v, v))
        out.append(Observed(clip, o.rows, o.arrays))
    return out


def features(observed: Sequence[Observed]) -> NDArray[np.float32]:
    return np.concatenate([o.arrays["features"] for o in observed])


def metrics(max_frames: int = 0) -> list[SetMetric]:
    return [kind(Pixels(), max_frames) for kind in (Fid, Kid, PrecisionRecall)]


@pytest.mark.parametrize("metric", metrics(), ids=lambda m: m.frames_row)
def test_every_declared_score_gets_a_value_in_range(metric: SetMetric) -> None:
    values = metric.reduce(Both(seen(metric, 20), seen(metric, 0)))
    assert values.keys() == metric.scores.keys()
    for name, score in metric.scores.items():
        assert score.set_level and score.range[0] <= values[name] <= score.range[1]
    both = Both(seen(metric, 20), seen(metric, 0))
    assert isinstance(metric, Counts)
    assert metric.counts(both) == {"frames": sum(6 + i for i in range(9))}


@pytest.mark.parametrize("metric", metrics(), ids=lambda m: m.frames_row)
def test_nothing_scored_is_no_zero(metric: SetMetric) -> None:
    for empty in (Both([], seen(metric, 0)), Both(seen(metric, 0), [])):
        with pytest.raises(ClipFailure, match="no clip was scored"):
            metric.reduce(empty)


def test_values_are_those_of_the_pooled_features() -> None:
    fid, kernel, share = metrics()
    generated, reference = seen(fid, 20), seen(fid, 0)
    x, y = features(generated), features(reference)
    assert fid.reduce(Both(generated, reference))["fid"] == pytest.approx(
        fid_from_features(x, y), rel=1e-10
    )
    both = Both(seen(kernel, 20), seen(kernel, 0))
    assert kernel.reduce(both)["kid"] == kid(x, y)
    both = Both(seen(share, 20), seen(share, 0))
    found = share.reduce(both)
    assert (found["precision"], found["recall"]) == precision_recall(x, y)


def test_few_frames_go_through_their_singular_values() -> None:
    """At most D frames on both sides: the same value as the features' own, to the last bit."""
    fid = Fid(Pixels(), 0)
    generated, reference = seen(fid, 20, CLIPS[:1]), seen(fid, 0, CLIPS[3:4])
    expected = fid_from_features(features(generated), features(reference))
    assert fid.reduce(Both(generated, reference))["fid"] == expected


def test_the_two_sides_may_hold_different_clips() -> None:
    """The floor control: half of the actors stand for the system, the other half for the reference."""
    for metric in some(metrics()):
        floor = Both(seen(metric, 0, CLIPS[:4]), seen(metric, 0, CLIPS[4:]))
        assert all(np.isfinite(v) for v in metric.reduce(floor).values())


def test_ground_truth_against_itself_is_the_optimum() -> None:
    fid, kernel, share = metrics()
    same = {m: Both(seen(m, 0), seen(m, 0)) for m in (fid, kernel, share)}
    assert fid.reduce(same[fid])["fid"] == pytest.approx(0, abs=1e-12)
    assert kernel.reduce(same[kernel])["kid"] <= 0  # unbiased: the diagonal is left out
    values = share.reduce(same[share])
    assert (values["precision"], values["recall"]) == (1, 1)


def test_one_actor_can_be_left_out_by_moments() -> None:
    """What a delete-one-actor jackknife does, against pooling the remaining clips anew."""
    fid = Fid(Pixels(), 0)
    generated, reference = seen(fid, 20), seen(fid, 0)
    g, r = fid.actor_moments(generated), fid.actor_moments(reference)
    assert sorted(g) == ["actor0", "actor1", "actor2"]
    by_moments = fid_from_moments(pooled(g) - g["actor1"], pooled(r) - r["actor1"])
    rest = [[o for o in side if o.clip.actor != "actor1"] for side in (generated, reference)]
    anew = fid_from_features(features(rest[0]), features(rest[1]))
    assert by_moments == pytest.approx(anew, rel=1e-9)


def test_values_without_each_actor_are_those_of_reducing_anew() -> None:
    metric = Fid(Pixels(), 0)
    both = Both(seen(metric, 3), seen(metric, 0))
    found = metric.without_actors(both)
    assert found is not None
    assert sorted(found) == ["actor0", "actor1", "actor2"]
    for actor, values in found.items():
        sides = [
            [o for o in side if o.clip.actor != actor] for side in (both.generated, both.reference)
        ]
        anew = metric.reduce(Both(*sides))
        assert values["fid"] == pytest.approx(anew["fid"], rel=1e-7)
    assert Fid(Pixels(), 20).without_actors(both) is None
    assert metric.without_actors(Both(both.generated[:2], both.reference[:2])) is None


@pytest.mark.parametrize("position", range(3))
def test_max_frames_takes_equal_n_from_both_sides(position: int) -> None:
    metric = metrics(max_frames=40)[position]
    both = Both(seen(metric, 20), seen(metric, 0))
    assert isinstance(metric, Counts) and metric.counts(both) == {"frames": 40}
    assert not any("frames" in name for name in metric.scores), "a count is no score"
    few = Both(seen(metric, 20, CLIPS[:1]), seen(metric, 0))
    assert metric.counts(few) == {"frames": 6}


def test_an_observation_holds_float32_features_and_their_number() -> None:
    clip = CLIPS[0]
    found = Fid(Pixels(), 0).observe(Pair(clip, video(1, 7), video(2, 5)))
    assert found.rows == {"fid_frames": 7.0}
    assert found.arrays["features"].shape == (7, D)
    assert found.arrays["features"].dtype == np.float32


def test_small_n_is_marked_on_either_side() -> None:
    fid = Fid(Pixels(), 0)
    few, many = seen(fid, 20, CLIPS[:2]), seen(fid, 0)  # 13 and 90 frames for 12 features
    fewest = seen(fid, 0, CLIPS[3:4])
    assert fid.notes(Both(few, many)) == []
    (note,) = fid.notes(Both(few, fewest))
    assert note == "small n: 9 reference frames for 12 features, compare only at equal n"
    assert len(fid.notes(Both(fewest, fewest))) == 2
    assert small_n("generated", 2049, 2048) is None


# -- options ------------------------------------------------------------------------------------


@dataclass
class Lending:
    """A context that records which extractor was asked for."""

    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    device: str = "cpu"
    batch: int = 2
    path: Path = Path()

    def extractor(self, name: str, **options: object) -> Pixels:
        self.asked.append((name, options))
        return Pixels()


def test_the_three_metrics_share_one_extraction() -> None:
    context: Any = Lending()
    for plugin in thbench_fid.thbench_metrics():
        plugin.build(plugin.options(), context)
        assert plugin.extractors(plugin.options()) == dict(context.asked[-1:])
    assert context.asked == [("inception", {"resize": "tf", "precision": "fp32"})] * 3


def test_variants_are_valid_options() -> None:
    for plugin in some(thbench_fid.thbench_metrics()):
        for name, changed in some(plugin.variants.items()):
            context: Any = Lending()
            plugin.build(replace(plugin.options(), **changed), context)
            assert (context.asked[0][0] == "puppet-v1") == (name == "puppet-v1")


@pytest.mark.parametrize("changed", [{"resize": "clean"}, {"precision": "bf16"}])
def test_puppet_v1_takes_no_options_of_inception(changed: dict[str, Any]) -> None:
    options = thbench_fid.FidOptions(extractor="puppet-v1", **changed)
    context: Any = Lending()
    with pytest.raises(UserError, match="belong to the extractor inception"):
        thbench_fid.build_fid(options, context)


def test_negative_max_frames_is_refused() -> None:
    context: Any = Lending()
    with pytest.raises(UserError, match="max_frames is -1"):
        thbench_fid.build_fid(thbench_fid.FidOptions(max_frames=-1), context)


def test_the_registered_weights_are_the_published_file() -> None:
    (item,) = thbench_fid.thbench_weights()
    assert item.sha256 is not None and len(item.sha256) == 64
    assert all(item.sha256[:8] in url for url in item.urls) and len(item.urls) == 2
