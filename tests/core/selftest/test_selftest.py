"""The self-test: declarations proved and refuted, on toys whose truth is known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards import some
from thbench.api import Score, UserError
from thbench.cli.main import main
from thbench.engines.local import LocalEngine
from thbench.environment import Settings
from thbench.plugins.discovery import registry
from thbench.selftest.judge import Curve, Rule, declared, judge, slope, spearman
from thbench.selftest.measure import Reaction
from thbench.selftest.observe import Trial, check_corruptions
from thbench.selftest.outcome import as_json, as_markdown, summary
from thbench.selftest.picture import as_svg
from thbench.selftest.plan import load_plan, suite_document
from thbench.selftest.trial import TrialOutcome, installed, run

PLAN = """\
schema: 1
dataset: {name: toy-corruptible}
corruption_option: damage
amount_option: strength
split: all
resolution: 16
corruptions:
  dim: {unit: grey levels, amounts: [5, 20]}
  late: {unit: frames, amounts: [-2, 1, 3]}
questions:
  - {title: "Does it see the dark?", corruption: dim, scores: [grey, click]}
"""


def trial(tmp_path: Path, *names: str, text: str = PLAN, workers: int = 1) -> TrialOutcome:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    plan, document = load_plan(file)
    return run(plan, document, names, registry(), Settings(), LocalEngine(workers))


def verdicts(outcome: TrialOutcome) -> dict[tuple[str, str], str]:
    return {(f.score, f.corruption): f.verdict.word for f in outcome.findings}


# -- verdicts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "sign", "word"),
    [
        ((1.0, 2.0, 3.0), "+", "ok"),
        ((1.0, 2.0, 3.0), "-", "FAILED"),
        ((-1.0, -2.0, -3.0), "-", "ok"),
        ((0.0, 0.0, 0.0), "+", "FAILED"),
        ((0.0, 0.0, 3.0), "+", "ok"),
        ((2.0, 1.0, 3.0), "+", "FAILED"),
        ((2.0, 1.95, 3.0), "+", "ok"),
        ((-1.0, 2.0, 3.0), "+", "FAILED"),
        ((3.0, 2.0, -1.0), "+", "FAILED"),
    ],
)
def test_a_sign_is_a_monotone_curve_that_leaves_the_clean_value(
    values: tuple[float, ...], sign: str, word: str
) -> None:
    assert judge(Curve(0.0, (1, 2, 3), values), sign, Rule(slack=0.02)).word == word


def test_damage_grows_away_from_the_clean_clip_on_both_sides() -> None:
    assert judge(Curve(0.0, (-2, -1, 1, 2), (2.0, 1.0, 1.0, 2.0)), "+", Rule()).word == "ok"
    assert judge(Curve(0.0, (-2, -1, 1, 2), (-2.0, -1.0, 1.0, 2.0)), "+", Rule()).word == "FAILED"


@pytest.mark.parametrize(
    ("values", "declaration", "word"),
    [
        ((2.0, -1.0, -3.0), "=-1", "ok"),
        ((2.0, -1.0, -3.0), "=1", "FAILED"),
        ((2.4, -1.4, -3.0), "=-1", "ok"),
        ((2.0, -1.6, -3.0), "=-1", "FAILED"),
        ((0.0, 0.0, 0.0), "=-1", "FAILED"),
        ((-4.0, 2.0, 6.0), "=2", "ok"),
        ((2.0, -1.0, -3.0), "=one", "FAILED"),
    ],
)
def test_an_amount_is_a_line_through_the_clean_value(
    values: tuple[float, ...], declaration: str, word: str
) -> None:
    shifted = Curve(7.0, (-2, 1, 3), tuple(7.0 + v for v in values))
    assert judge(shifted, declaration, Rule(tolerance=0.5)).word == word


@pytest.mark.parametrize(("factor", "word"), [(1.0, "ok"), (1 + 1e-10, "ok"), (1 + 1e-8, "FAILED")])
@pytest.mark.parametrize("clean", [1e-12, 5.0, -3e9])
def test_to_ignore_is_to_stay_the_same_to_nine_digits(
    clean: float, factor: float, word: str
) -> None:
    assert judge(Curve(clean, (1, 2), (clean, clean * factor)), "ignored", Rule()).word == word


def test_what_is_not_declared_is_reported_and_never_failed() -> None:
    assert judge(Curve(1.0, (1, 2), (1.0, 1.0)), "", Rule()).word == "unaffected"
    falling = judge(Curve(1.0, (1, 2), (0.5, 0.25)), "", Rule())
    assert (falling.word, falling.why) == ("undeclared", "falls: 1 to 0.25")
    assert "not in one direction" in judge(Curve(1.0, (1, 2), (2.0, 0.0)), "", Rule()).why


def test_declarations_that_mean_nothing_fail() -> None:
    both = Score("lower", reacts_to={"blur": "+"}, ignores=("blur",))
    for score in (both, Score("lower", reacts_to={"blur": "up"})):
        verdict = judge(Curve(0.0, (1,), (1.0,)), declared(score, "blur"), Rule())
        assert verdict.word == "FAILED"
        assert "none of" in verdict.why


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=6), st.floats(-1e3, 1e3))
def test_a_curve_that_only_rises_is_plus_and_its_mirror_is_minus(
    steps: list[float], clean: float
) -> None:
    values, level = [], clean
    for step in steps:
        level += step
        values.append(level)
    amounts = tuple(float(i + 1) for i in range(len(steps)))
    mirrored = tuple(2 * clean - v for v in values)
    assert judge(Curve(clean, amounts, tuple(values)), "+", Rule()).word == "ok"
    assert judge(Curve(clean, amounts, mirrored), "-", Rule()).word == "ok"
    assert judge(Curve(clean, amounts, mirrored), "+", Rule()).word == "FAILED"


def test_slope_and_rank_correlation() -> None:
    assert slope([(0, 1.0), (1, 3.0), (3, 7.0)]) == pytest.approx(2.0, rel=1e-12)
    assert slope([(0, 5.0), (1, 5.0 * (1 + 1e-12))]) == 0.0
    assert spearman([(0, 1.0), (1, 10.0), (2, 11.0)]) == pytest.approx(1.0)
    assert spearman([(0, 3.0), (1, 2.0), (2, 1.0), (3, 0.0)]) == pytest.approx(-1.0)
    assert spearman([(0, 2.0), (1, 2.0)]) is None


# -- the plan ---------------------------------------------------------------------------------------


def test_the_shipped_plan_fits_its_dataset() -> None:
    """Its options exist and take every corruption and amount; no clip is rendered."""
    from thbench.run.plan import job_for
    from thbench.suite import build_suite

    plan, document = load_plan()
    suite = build_suite(suite_document(plan, document, []), registry())
    check_corruptions(Trial(job_for(suite, Path("unused"), Settings()), plan))
    assert all(q.scores for q in plan.questions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("resolution: 16", "resolutoin: 16"),
            r"plan.yaml:6: unknown key 'resolutoin'.*resolution",
        ),
        (("[5, 20]", "[0, 5]"), r"plan.yaml:8.*not 0"),
        (("[5, 20]", "[5, 5]"), r"plan.yaml:8.*distinct"),
        (("corruption: dim", "corruption: dimm"), r"unknown corruption 'dimm'.*did you mean 'dim'"),
        (("resolution: 16\n", ""), r"resolution: is missing|resolution: Field required"),
    ],
)
def test_mistakes_in_a_plan_are_named(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN.replace(*change))
    with pytest.raises(UserError) as error:
        load_plan(file)

    assert re.search(message, str(error.value)), str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("damage", "harm"), "unknown option of dataset 'toy-corruptible' 'harm'"),
        (("late: {", "later: {"), "later"),
        (("toy-corruptible", "toy-corruptable"), "toy-corruptible"),
    ],
)
def test_a_dataset_that_cannot_be_damaged_so_is_refused(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(UserError) as error:
        trial(tmp_path, "toy-claims", text=PLAN.replace(*change))
    assert message in str(error.value)


# -- a stranger's metric ------------------------------------------------------------------------------


def test_true_declarations_hold(tmp_path: Path) -> None:
    outcome = trial(tmp_path, "toy-claims")
    assert verdicts(outcome) == {
        ("grey", "dim"): "ok", ("click", "dim"): "ok", ("loss", "dim"): "ok",
        ("grey", "late"): "ok", ("click", "late"): "ok", ("loss", "late"): "ok",
    }  # fmt: skip
    found = {(f.score, f.corruption): f for f in outcome.findings}
    assert found["grey", "dim"].slope == pytest.approx(-1.0)
    assert found["click", "late"].slope == pytest.approx(1.0)
    assert found["loss", "dim"].curve is not None
    assert found["loss", "dim"].curve.clean == 0.0, "the reference is the clean clip"
    assert not outcome.failed


def test_false_declarations_fail(tmp_path: Path) -> None:
    outcome = trial(tmp_path, "toy-claims@liar")
    assert verdicts(outcome) == {
        ("grey", "dim"): "FAILED", ("click", "dim"): "ok", ("loss", "dim"): "FAILED",
        ("grey", "late"): "FAILED", ("click", "late"): "FAILED", ("loss", "late"): "unaffected",
    }  # fmt: skip


def test_reactions_nobody_declared_are_reported_and_pass(tmp_path: Path) -> None:
    outcome = trial(tmp_path, "toy-claims@deaf")
    assert verdicts(outcome)["grey", "dim"] == "undeclared"
    assert verdicts(outcome)["grey", "late"] == "unaffected"
    assert not outcome.failed


def test_corruptions_the_plan_does_not_know_are_untested(tmp_path: Path) -> None:
    outcome = trial(tmp_path, "toy-claims@typo")
    assert verdicts(outcome)["click", "layt"] == "untested"
    assert "1 could not be tested" in summary(outcome)
    assert "layt" in as_markdown(outcome)


@pytest.mark.parametrize(
    ("variant", "reason"),
    [("raises", "RuntimeError: toy fault"), ("unbuilt", "cannot be built: RuntimeError")],
)
def test_a_metric_that_breaks_fails_in_one_line(tmp_path: Path, variant: str, reason: str) -> None:
    (found,) = trial(tmp_path, f"toy-claims@{variant}").failed
    assert reason in found.verdict.why
    assert (found.score, found.corruption) == ("", "")


@pytest.mark.parametrize(
    ("variant", "reason"), [("nothing", "returned no value"), ("nan", "outside the metric's range")]
)
def test_values_that_are_none_fail(tmp_path: Path, variant: str, reason: str) -> None:
    failed = trial(tmp_path, f"toy-claims@{variant}").failed
    assert {f.corruption for f in failed} == {"dim", "late"}
    assert all(reason in f.verdict.why for f in failed)


def test_metrics_without_their_weights_are_unavailable_and_neither_fail_nor_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path / "none"))
    outcome = trial(tmp_path, "toy-weighty", "toy-claims", "toy-claims@lacking")
    assert outcome.tested == ("toy-claims",)
    assert "thbench weights" in outcome.unavailable["toy-weighty"]
    assert outcome.unavailable["toy-claims@lacking"].endswith("thbench weights import lens FILE")
    assert {f.metric for f in outcome.findings} == {"toy-claims"}
    assert not outcome.failed


def test_unknown_metrics_are_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="toy-claimz"):
        trial(tmp_path, "toy-claimz")
    with pytest.raises(UserError, match="liarr"):
        trial(tmp_path, "toy-claims@liarr")


def test_every_installed_metric_is_tested_with_its_variants() -> None:
    names = installed(registry())
    assert {"toy-claims", "toy-claims@liar", "toy-brightness@double"} <= set(names)
    assert len(names) == len(set(names))


# -- clips that cannot be scored ----------------------------------------------------------------------


def test_an_amount_no_clip_survives_has_no_value_and_the_others_are_judged(tmp_path: Path) -> None:
    text = PLAN.replace("name: toy-corruptible", "name: toy-corruptible, unreadable: 20.0")
    found = [f for f in trial(tmp_path, "toy-claims", text=text).findings if f.corruption == "dim"]
    for one in some(found):
        assert one.curve is not None
        assert one.curve.amounts == (5.0,)
        assert one.verdict.word == "ok"
        assert "no value at 20" in one.verdict.why
        assert one.lost == {"the toy is too weak": 4}


def test_clips_lost_at_one_amount_are_left_out_at_all(tmp_path: Path) -> None:
    outcome = trial(tmp_path, "toy-claims", text=PLAN.replace("[5, 20]", "[5, 13]"))
    grey = next(f for f in outcome.findings if (f.score, f.corruption) == ("grey", "dim"))
    assert (grey.n, grey.of, dict(grey.lost)) == (3, 4, {"one toy is too weak": 1})
    assert grey.curve is not None
    assert grey.curve.points == [(0.0, 117.0), (5.0, 112.0), (13.0, 104.0)]
    assert "one toy is too weak" in as_markdown(outcome)


def test_without_any_value_nothing_is_proved(tmp_path: Path) -> None:
    text = PLAN.replace("name: toy-corruptible", "name: toy-corruptible, unreadable: 5.0")
    outcome = trial(tmp_path, "toy-claims", text=text.replace("[5, 20]", "[5]"))
    grey = next(f for f in outcome.findings if (f.score, f.corruption) == ("grey", "dim"))
    assert grey.verdict.word == "untested"
    assert grey.curve is None
    assert '"points": []' in as_json(outcome)


# -- what is written ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_workers_change_no_byte(tmp_path: Path) -> None:
    one = trial(tmp_path, "toy-claims", "toy-claims@liar")
    two = trial(tmp_path, "toy-claims", "toy-claims@liar", workers=2)
    for write in (as_json, as_markdown, as_svg):
        assert write(one) == write(two)


def test_what_is_written_says_it_all(tmp_path: Path) -> None:
    outcome = trial(tmp_path, "toy-claims", "toy-claims@liar")
    data = json.loads(as_json(outcome))
    assert data["findings"][0]["points"] == [[0.0, 115.5], [5.0, 110.5], [20.0, 95.5]]
    assert data["clip_ids"] == ["1_A", "1_B", "2_A", "2_B"]
    text = as_markdown(outcome)
    assert "## Does it see the dark?" in text
    assert "| `toy-claims` `grey` | 115.5 | 110.5 | 95.5 | -17 % | - |" in text
    assert text.count("FAILED") >= 4
    root = ElementTree.fromstring(as_svg(outcome))
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 12


def test_reasons_are_escaped_in_markdown(tmp_path: Path) -> None:
    outcome = trial(tmp_path, "toy-claims@raises")
    found = outcome.findings[0]
    nasty = Reaction(found.metric, "", "", type(found.verdict)("FAILED", "<b>a|b</b>\nx"))
    text = as_markdown(TrialOutcome(outcome.plan, outcome.dataset, (), (), {"m": "<i>"}, (nasty,)))
    assert "<b>" not in text
    assert "<i>" not in text
    assert "a\\|b" in text


@pytest.mark.parametrize(("metric", "code"), [("toy-claims", 0), ("toy-claims@liar", 1)])
def test_the_command_tells_by_its_exit_code(
    tmp_path: Path, metric: str, code: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file, out = tmp_path / "plan.yaml", tmp_path / "out"
    file.write_text(PLAN)
    words = ["thbench", "selftest", metric, "--plan", str(file), "-o", str(out)]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as stop:
        main()
    assert (stop.value.code or 0) == code
    shown = capsys.readouterr().out
    assert ("FAILED" in shown) == bool(code)
    assert "1 metrics on 4 clips" in shown
    assert sorted(p.name for p in out.iterdir()) == ["selftest.json", "selftest.md", "selftest.svg"]


# -- what ships -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_declarations_of_quick_built_in_metrics_hold(tmp_path: Path) -> None:
    """One clip at 64 px; every metric and clip: the slow test below."""
    plan, document = load_plan()
    small = plan.model_copy(
        update={"resolution": 64, "limits": plan.limits.model_copy(update={"actors": 1})}
    )
    names = ["f_mse", "f_mse@diffused-heads", "psnr"]
    outcome = run(small, document, names, registry(), Settings(), LocalEngine())
    assert outcome.tested == tuple(names)
    assert not outcome.failed, outcome.failed
    assert sum(f.verdict.word == "ok" for f in outcome.findings) >= 10


@pytest.mark.long
def test_declarations_of_every_available_built_in_metric_hold() -> None:
    plan, document = load_plan()
    names = [n for n in installed(registry()) if not n.startswith("toy-")]
    usable = [n for n in names if n != "torchmetrics"]
    outcome = run(plan, document, usable, registry(), Settings(), LocalEngine(2))
    assert {"ofm", "f_mse", "psnr", "ssim"} <= set(outcome.tested)
    assert not outcome.failed, outcome.failed
