"""Which columns a table shows by default, and that nothing is lost with the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runs import SUITE, start
from thbench.errors import UserError
from thbench.plugins.discovery import registry
from thbench.suite import load_suite
from thbench.suite.files import find_suite
from thbench.tables.headline import headline, hidden, only
from thbench.tables.markdown import entered, legend, markdown_table
from thbench.tables.screen import print_tables


def columns(**better: tuple[str, str, str]) -> dict[str, dict[str, Any]]:
    return {
        name: {"metric": metric, "score": score, "better": direction, "unit": ""}
        for name, (metric, score, direction) in better.items()
    }


SCORES = columns(
    offset=("sync", "offset", "nearer-reference"),
    confidence=("sync", "confidence", "higher"),
    distance=("sync", "distance", "lower"),
    ofm=("ofm", "ofm", "nearer-reference"),
    ofm_beyond=("ofm", "ofm_beyond", "nearer-reference"),
    rate=("blinks", "rate", "nearer-reference"),
    length=("blinks", "length", "nearer-reference"),
)


def test_directed_scores_and_each_metrics_own_are_shown() -> None:
    assert headline(SCORES, None) == ["confidence", "distance", "ofm", "rate"]


def test_the_primary_score_is_always_shown_and_a_suite_can_choose() -> None:
    assert headline(SCORES, "offset")[0] == "offset"
    assert headline(SCORES, "ofm", ["length"]) == ["ofm", "length"]
    assert headline(SCORES, None, ["absent"]) == headline(SCORES, None)


def test_what_is_hidden_is_named() -> None:
    shown = only({"columns": SCORES}, headline(SCORES, None))["columns"]
    assert hidden(SCORES, shown) == "3 more scores with --all: offset, ofm_beyond, length"
    assert hidden(SCORES, SCORES) == ""


@pytest.mark.parametrize(
    ("n", "text"),
    [(1, "1 more scores with --all: a"), (4, "4 more scores with --all: a, b, c, d"),
     (5, "5 more scores with --all: a, b, c, d, ..."), (6, "6 more scores with --all: a, b, c, d, ...")],
)  # fmt: skip
def test_four_of_the_hidden_are_named(n: int, text: str) -> None:
    assert hidden(dict.fromkeys("abcdef"[:n], None), {}) == text


def test_only_arrows_that_occur_are_explained() -> None:
    assert legend(columns(a=("a", "a", "lower"))) == "↓ lower is better"
    assert "→GT" in legend(SCORES)


def test_counts_are_said_below_and_are_no_scores() -> None:
    def row(name: str, frames: int) -> dict[str, Any]:
        return {"system": name, "scores": {"fid": {"counts": {"frames": frames}, "value": 1.0}}}

    table = {"columns": {"fid": {}}, "rows": [row("a", 5), row("b", 5), row("c", 2)]}
    assert entered(table) == "fid: 5 frames (c: 2 frames)"


def test_no_score_is_lost_in_markdown(tmp_path: Path) -> None:
    from thbench.tables.build import tables

    results = list(start(tmp_path).both().values())
    (table,) = tables(results)
    assert len(table["columns"]) > 1
    text = "\n".join(markdown_table(table, first=[next(iter(table["columns"]))]))
    head, _, rest = text.partition("<details>")
    for name in list(table["columns"])[1:]:
        assert f"| {name} " not in head.splitlines()[0]
        assert f" {name} " in rest


def test_the_screen_shows_headline_scores_and_all_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SUITE.replace("primary: brightness\n", "primary: brightness\nheadline: [brightness]\n")
    results = list(start(tmp_path, text).both().values())
    monkeypatch.setenv("COLUMNS", "100")
    print_tables(results)
    usual = capsys.readouterr().out
    print_tables(results, all_columns=True)
    every = capsys.readouterr().out
    assert "spread ↓" not in usual
    assert "more scores with --all" in usual
    assert "spread ↓" in every
    assert "more scores" not in every


def test_an_unknown_headline_is_refused(tmp_path: Path) -> None:
    text = SUITE.replace("primary: brightness\n", "primary: brightness\nheadline: [brightnes]\n")
    with pytest.raises(UserError, match="'brightness'"):
        from thbench.environment import Settings
        from thbench.interface.plan import planned

        file = tmp_path / "suite.yaml"
        file.write_text(text)
        planned(load_suite(file, registry()), tmp_path / "run", Settings()).check_columns()


def test_f_mse_is_no_headline_of_a_folder_of_videos() -> None:
    suite = load_suite(find_suite("videos"), registry())
    assert suite.primary == "psnr"
    assert "f_mse" not in suite.headline
    assert "f_mse" in [m.plugin.name for m in suite.metrics]
