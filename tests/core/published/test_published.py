"""The published rows: digits as printed, what they imply, and files that are not what they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from guards import some
from thbench.errors import UserError
from thbench.published.normalise import (
    Normalised,
    Quantity,
    Ratio,
    Refused,
    distance_from_reference,
    implied_ratio,
    normalise,
)
from thbench.published.rows import Published, PublishedRow, load_published

FILE = Path(__file__).resolve().parents[3] / "leaderboard" / "published" / "crema_d.yaml"


@pytest.fixture(scope="module")
def published() -> Published:
    return load_published(FILE)


def row(
    published: Published, source: str, system: str, resolution: int, **settings: str
) -> PublishedRow:
    (found,) = [
        r
        for r in published.rows
        if (r.source, r.system, r.resolution, r.settings) == (source, system, resolution, settings)
    ]
    return found


def test_rows_of_the_paper_are_digit_for_digit(published: Published) -> None:
    best = row(published, "han", "ddpm", 64, steps="50")
    assert {name: cell.printed for name, cell in best.values.items()} == {
        "fid": "81.682",
        "ofm": "0.342",
        "f_mse": "37.014",
        "av_offset": "0.16",
        "av_confidence": "2.436",
    }
    assert best.selected_on_evaluation_split == "inferred"
    assert len(published.rows) == 17
    assert sum(r.role == "ground-truth" for r in published.rows) == 3


@pytest.mark.parametrize(
    ("metric", "resolution", "value", "low", "high"),
    [
        ("ofm", 128, 0.932, 0.9305, 0.9333),
        ("f_mse", 128, 0.901, 0.8995, 0.9020),
        ("av_offset", 64, 1.000, 0.989, 1.011),
        ("av_confidence", 64, 0.880, 0.8786, 0.8819),
    ],
)
def test_ratios_that_the_diffused_heads_row_implies(
    published: Published, metric: str, resolution: int, value: float, low: float, high: float
) -> None:
    baseline = row(published, "han", "diffused-heads", 128)
    truth = row(published, "han", "ground-truth", resolution)
    assert baseline.normalised
    found = implied_ratio(published.quantity(baseline, metric), published.quantity(truth, metric))
    assert isinstance(found, Ratio)
    rounded = (round(found.value, 3), round(found.low, 4), round(found.high, 4))
    assert rounded == pytest.approx((value, low, high), abs=5e-4 if low == 0.989 else 1e-9)
    assert baseline.note is not None
    assert f"{value:.3f} ({low}" in baseline.note.replace("0.9020", "0.902")


def test_fid_49_has_no_derivation(published: Published) -> None:
    baseline = row(published, "han", "diffused-heads", 128)
    truth = row(published, "han", "ground-truth", 64)
    x, zero = published.quantity(baseline, "fid"), published.quantity(truth, "fid")
    assert isinstance(implied_ratio(x, zero), Refused)
    found = normalise(x, zero, zero, published.metrics["fid"].scale)
    assert isinstance(found, Refused)
    assert "ground truth" in found.reason
    assert "0/0" in (baseline.values["fid"].note or "")


def test_the_normalised_row_is_never_normalised_again(published: Published) -> None:
    baseline = row(published, "han", "diffused-heads", 128)
    for metric in some(baseline.values):
        x, truth = published.quantity(baseline, metric), published.ground_truth(baseline, metric)
        here = Quantity(1.0, x.unit, "this suite", 128, "any")
        assert isinstance(normalise(x, truth, here, published.metrics[metric].scale), Refused)


def test_units_of_diffused_heads_are_not_taken_for_ours(published: Published) -> None:
    baseline = row(published, "han", "diffused-heads", 128)
    assert published.quantity(baseline, "ofm").unit is None
    assert published.quantity(row(published, "han", "gan", 128), "ofm").unit == "pixels per frame"


def test_a_published_pair_on_our_scale(published: Published) -> None:
    heads = row(published, "dawn", "diffused-heads", 128)
    x, truth = published.quantity(heads, "lse_c"), published.ground_truth(heads, "lse_c")
    found = normalise(x, truth, Quantity(6.0, "", "this suite", 128, "lse_c/1"), "ratio")
    assert isinstance(found, Normalised)
    assert found.value == pytest.approx(4.56 * 6 / 5.88)
    assert found.flags == ("how dawn measured it is not known",)


def test_a_ground_truth_of_another_size_is_flagged(published: Published) -> None:
    """The GAN's confidence at 128 px has only the 64 px ground truth beside it."""
    gan = row(published, "han", "gan", 128)
    x, truth = (
        published.quantity(gan, "av_confidence"),
        published.ground_truth(gan, "av_confidence"),
    )
    found = normalise(x, truth, Quantity(3.0, "", "this suite", 128), "ratio")
    assert isinstance(found, Normalised)
    assert "measured at 128 px, its ground truth 64 px" in found.flags[0]


def test_the_conflicts_are_stated_and_true(published: Published) -> None:
    conflicts = " ".join(published.sources["han"].conflicts)
    for words in ("94.26", "94.25 ", "94.255", "2.44", "inferred", "sign is reversed"):
        assert words in conflicts

    def distance(system: str, resolution: int, **settings: str) -> float:
        x = row(published, "han", system, resolution, **settings).values["ofm"].value
        truth = row(published, "han", "ground-truth", resolution).values["ofm"].value
        found = distance_from_reference(x, truth)
        assert found is not None
        return found

    nearer, farther = distance("gan", 128), distance("ddpm", 64, steps="50")
    assert f"{nearer:.3f} against {farther:.3f}" in conflicts


SMALL = """\
schema: 1
dataset: d
about: a
metrics: {fid: {title: FID, better: lower, scale: distance, unit: ""}}
sources: {p: {title: t, authors: a, where: table 1}}
rows:
  - {system: s, source: p, where: table 1, resolution: 64, values: {fid: "1.50"}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "rows.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_small_file_loads(tmp_path: Path) -> None:
    found = load_published(written(tmp_path, SMALL))
    x = found.quantity(found.rows[0], "fid")
    assert (x.value, x.unit, x.source, x.resolution, x.printed) == (1.5, "", "p", 64, "1.50")
    assert found.ground_truth(found.rows[0], "fid") is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("schema: 1", "schema: 2", "schema"),
        ("resolution: 64", "resolutoin: 64", "did you mean 'resolution'"),
        ("scale: distance", "scael: distance", "did you mean 'scale'"),
        ("about: a", "abuot: a", "did you mean 'about'"),
        ('"1.50"', "1.50", "values.fid"),
        ('"1.50"', '".nan"', "values.fid"),
        ('"1.50"', '"inf"', "values.fid"),
        ('"1.50"', '"1e999"', "values.fid"),
        ('"1.50"', '"<script>"', "values.fid"),
        ('"1.50"', '{printed: "1", nte: x}', "did you mean 'note'"),
        ('fid: "1.50"', 'fdi: "1.50"', "no metric is called 'fdi'"),
        ("source: p", "source: q", "no source is called 'q'"),
        ("system: s", "system: <b>s</b>", "system"),
        ("system: s", "system: ../s", "system"),
        ("resolution: 64", "resolution: -1", "resolution"),
        ("better: lower", "better: worse", "better"),
        ("where: table 1}}", "where: table 1, url: 'javascript:alert(1)'}}", "url"),
        ("where: table 1}}", "where: table 1, protocol: {x: y}}}", "no metric is called 'x'"),
        ("rows:\n", "rows:\n" + SMALL.splitlines()[-1] + "\n", "there twice"),
        ("dataset: d", "dataset: d\ndataset: e", "written twice"),
        ("dataset: d", "dataset: !!python/object/apply:os.getcwd []", "constructor"),
        ("dataset: d", "1: d", "dataset"),
        ("schema: 1", "[schema]", "rows.yaml"),
    ],
)
def test_a_faulty_file_is_refused_by_name(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in SMALL
    with pytest.raises(UserError) as caught:
        load_published(written(tmp_path, SMALL.replace(old, new, 1)))
    assert says in str(caught.value)
    assert "rows.yaml" in str(caught.value)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    levels = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 9))
    with pytest.raises(UserError, match="expands"):
        load_published(written(tmp_path, f"l0: &l0 [x]\n{levels}\n"))
