"""Two rows against each other, and a run's tables as text."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from boards import board_of, shared_run
from thbench.cli.main import main
from thbench.errors import UserError
from thbench.published.page import formatted
from thbench.results.clips import ClipsTable, parse_clips
from thbench.results.document import OverRecord
from thbench.results.row import Row, read_row
from thbench.tables.compare import lines, rivals
from thbench.tables.difference import difference
from thbench.tables.export import latex, spreadsheet_safe


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_run(tmp_path_factory)


def system(run: Path, name: str) -> Path:
    return run / "systems" / name


def test_two_systems_are_compared_in_every_column(run: Path) -> None:
    (pair,) = rivals(system(run, "echo"), system(run, "loud"))
    text = "\n".join(lines(pair))
    assert "brightness →GT" in text
    assert "in distance from ground truth" in text
    assert text.count("loud is better") == 2


def test_a_system_is_tied_with_itself(run: Path) -> None:
    pairs = rivals(run, run)
    assert [p.a.name for p in pairs] == ["echo", "loud", "twin"]
    for pair in pairs:
        *columns, family = list(lines(pair))[1:]
        assert all(line.endswith(": tied") for line in columns)
        assert "2 tests at once: after Holm's correction the smallest p is 1 " in family


def test_the_difference_of_a_set_metric_follows_from_its_values_without_actors(run: Path) -> None:
    a, b = (
        read_row(system(run, "echo") / "result.json"),
        read_row(system(run, "loud") / "result.json"),
    )
    found = difference("spread", a, b, None)
    assert found.interval is not None
    scores = (a.result.scores["spread"], b.result.scores["spread"])
    assert found.interval.estimate == pytest.approx((scores[0].value or 0) - (scores[1].value or 0))
    assert found.test is not None
    assert found.test.p_value == found.test.smallest == 2.0 ** (1 - found.interval.n_actors)
    back = difference("spread", b, a, None)
    assert back.interval is not None
    assert back.interval.low == pytest.approx(-(found.interval.high or 0))


def changed(row: Row, rule: OverRecord, better: str = "lower") -> Row:
    """The row with another rule, of the same column, for its one score."""
    score = row.result.scores["brightness"].model_copy(update={"over": rule, "better": better})
    return Row(row.result.model_copy(update={"scores": {"brightness": score}}), row.clips)


def test_medians_and_shares_are_compared_by_their_own_rule(run: Path) -> None:
    a, b = (
        read_row(system(run, "echo") / "result.json"),
        read_row(system(run, "loud") / "result.json"),
    )
    median = OverRecord(column="brightness", statistic="median")
    x, y = a.clips.numbers("brightness"), b.clips.numbers("brightness")
    found = difference("brightness", changed(a, median), changed(b, median), None)
    assert found.interval is not None
    assert found.interval.estimate == pytest.approx(
        np.median([*x.values()]) - np.median([*y.values()])
    )
    assert found.test is not None and found.test.smallest == 2.0**-7 <= found.test.p_value
    share = OverRecord(column="brightness", at_most=120.0)
    found = difference("brightness", changed(a, share, "higher"), changed(b, share, "higher"), None)
    assert found.interval is not None
    assert found.test is not None
    shares = [np.mean([v <= 120 for v in values.values()]) for values in (x, y)]
    assert found.interval.estimate == pytest.approx(shares[0] - shares[1])
    near = "nearer-reference"
    truth = read_row(run / "controls/32/ground-truth/result.json")
    rows = [changed(row, median, near) for row in (a, b, truth)]
    found = difference("brightness", *rows)
    assert found.by == "distance"
    assert found.interval is not None and found.test is not None


def test_what_cannot_be_compared_says_why(run: Path) -> None:
    a, b = (
        read_row(system(run, "echo") / "result.json"),
        read_row(system(run, "loud") / "result.json"),
    )
    assert difference("brightness", a, b, None).note == "no ground truth to be near to"
    spans = a.result.scores["brightness"].model_copy(update={"reference_over_span": 1.0})
    short = Row(a.result.model_copy(update={"scores": {"brightness": spans}}), a.clips)
    assert difference("brightness", short, b, b).note == "videos are shorter than their clips"
    assert difference("nothing", a, b, None).note == "one of them has no value"
    score = b.result.scores["spread"].model_copy(update={"identity_digest": "0"})
    other = Row(b.result.model_copy(update={"scores": {"spread": score}}), b.clips)
    assert difference("spread", a, other, None).note == "unlike identities"
    score = b.result.scores["spread"].model_copy(update={"n": 3})
    other = Row(b.result.model_copy(update={"scores": {"spread": score}}), b.clips)
    assert "complete" in difference("spread", a, other, None).note
    assert difference("spread", a, other, None).tied


def test_only_the_same_clips_are_compared(run: Path) -> None:
    a, b = (
        read_row(system(run, "echo") / "result.json"),
        read_row(system(run, "loud") / "result.json"),
    )
    split = b.result.split.model_copy(update={"digest": "0" * 64})
    folder = run.parent / "other"
    folder.mkdir()
    from thbench.results.document import result_text

    (folder / "result.json").write_text(result_text(b.result.model_copy(update={"split": split})))
    (folder / "clips.csv").write_text((system(run, "loud") / "clips.csv").read_text())
    with pytest.raises(UserError, match="another split"):
        rivals(system(run, "echo"), folder)
    with pytest.raises(UserError, match="holds no result"):
        rivals(run / "references", folder)
    assert a.clips.actors == b.clips.actors


def test_rows_of_a_leaderboard_are_compared_with_its_pinned_ground_truth(
    run: Path, tmp_path: Path
) -> None:
    board = board_of(run, tmp_path)
    (pair,) = rivals(board.path("echo"), board.path("loud"))
    assert pair.truth is not None
    (same,) = rivals(system(run, "echo"), system(run, "loud"))
    assert list(lines(pair)) == list(lines(same))


def test_compare_prints_plain_data(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(system(run, "echo")), str(system(run, "loud"))]
    monkeypatch.setattr("sys.argv", ["thbench", "compare", *words, "--json"])
    main()
    found = json.loads(capsys.readouterr().out)[0]
    assert (found["a"], found["b"]) == ("echo", "loud")
    assert found["columns"]["spread"]["tied"] is False


def test_a_clips_table_counts_every_clip_once() -> None:
    table = parse_clips("clip,actor,failure,x\na,1,,2.5\nb,1,broken,\n", "t")
    assert table == ClipsTable("t", {"a": "1", "b": "1"}, {"b": "broken"}, {"x": {"a": "2.5"}})
    for text in ("clip,actor,failure,x\na,1,\n", "clip,actor,failure\na,1,\na,1,\n", "clip,x\n", "", "clip,actor,failure,failure\n"):  # fmt: skip
        with pytest.raises(UserError, match=r"(is|are) not right"):
            parse_clips(text, "t")


# -- thbench report --format ------------------------------------------------------------------------


def report(
    run: Path, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    monkeypatch.setattr("sys.argv", ["thbench", "report", str(run), "--format", form])
    main()
    return capsys.readouterr().out


def test_markdown_is_that_of_the_run(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = (run / "leaderboard.md").read_text()
    assert sorted(report(run, "markdown", monkeypatch, capsys).splitlines()) == sorted(
        written.splitlines()
    )


def test_csv_has_exact_values_and_identities(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(csv.DictReader(io.StringIO(report(run, "csv", monkeypatch, capsys))))
    line = next(r for r in found if r["system"] == "echo" and r["score"] == "brightness")
    score = json.loads((system(run, "echo") / "result.json").read_text())["scores"]["brightness"]
    assert float(line["value"]) == score["value"]
    assert float(line["low"]) == score["interval"]["low"]
    assert line["identity"] == score["identity_digest"]
    assert len(found) == 8 * 2 + 1


def test_latex_is_whole_and_escaped(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = report(run, "latex", monkeypatch, capsys)
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    assert r"loud & " in text
    assert "identity" not in text
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count(" & ") for line in body} == {len(body[0].split(" & ")) - 1}


def test_texts_from_outside_are_no_commands() -> None:
    assert latex(r"\input{x} & 100% #1 $a_b^c ~") == (
        r"\textbackslash{}input\{x\} \& 100\% \#1 \$a\_b\textasciicircum{}c \textasciitilde{}"
    )
    assert latex("≈0 −1 ×") == r"$\approx$0 $-$1 $\times$"
    assert [spreadsheet_safe(t) for t in ("=1+1", "@x", "-1", "a=b")] == [
        "'=1+1",
        "'@x",
        "'-1",
        "a=b",
    ]


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no result"):
        formatted(tmp_path, "csv")
    with pytest.raises(UserError, match="absent is no run folder"):
        formatted(tmp_path / "absent", "csv")
