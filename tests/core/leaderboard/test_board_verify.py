"""Whatever is wrong with a submitted row is found, and nothing in it can do harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from boards import Board, board_of, shared_run
from guards import some
from thbench.errors import UserError
from thbench.files.canonical import digest
from thbench.leaderboard.build import board, board_text
from thbench.leaderboard.page import page
from thbench.leaderboard.store import place, read_row, read_rows, row_files
from thbench.leaderboard.verify import record
from thbench.published.rows import load_published
from thbench.results.document import read_result
from thbench.results.row import clips_file

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_run(tmp_path_factory)


@pytest.fixture
def toys(run: Path, tmp_path: Path) -> Board:
    return board_of(run, tmp_path)


def test_an_honest_row_is_rows_verified(toys: Board) -> None:
    for path in some(row_files(toys.root)):
        finding = toys.verify(path.parent.name)
        assert (finding.problems, finding.tier) == ((), "rows-verified")


def score(**change: Any) -> Change:
    return lambda d: d["scores"]["brightness"].update(change)


def interval(**change: Any) -> Change:
    return lambda d: d["scores"]["brightness"]["interval"].update(change)


def shifted(d: dict[str, Any]) -> None:
    """A better value with everything else moved along."""
    brightness = d["scores"]["brightness"]
    for place_, key in (
        (brightness, "value"),
        (brightness["interval"], "low"),
        (brightness["interval"], "high"),
    ):
        place_[key] -= 1


def other_identity(d: dict[str, Any]) -> None:
    brightness = d["scores"]["brightness"]
    brightness["identity"]["options"]["scale"] = 2.0


def trained(*actors: str, ranked: bool = True) -> Change:
    def change(d: dict[str, Any]) -> None:
        d["system"]["trained_on"] = {"dataset": "toy", "actors": list(actors)}
        d["ranked"] = ranked

    return change


def no_truth(d: dict[str, Any]) -> None:
    d["submission"]["controls"]["ground-truth"]["brightness"] = None


def no_reference(d: dict[str, Any]) -> None:
    """A clip that the system does badly on, said to be nobody's."""
    apart = {"reason": "the toy is broken", "count": 1, "clips": ["1001_AAA"]}
    d["clips"].update(n=23, generated=23, without_reference=[apart])


TAMPERED: list[tuple[str, Change, str]] = [
    ("aggregate", score(value=119.3), "does not follow from the table"),
    ("aggregate and interval", shifted, "does not follow from the table"),
    ("interval", interval(low=120.4), "interval"),
    ("no interval", score(interval=None), "has no interval"),
    ("coverage", score(n=23), "clips scored"),
    ("asked for", lambda d: d["clips"].update(n=23, generated=23), "do not follow"),
    ("direction", score(better="higher"), "means something else"),
    ("rule", lambda d: d["scores"]["brightness"]["over"].update(statistic="median"), "not follow"),
    ("range", score(range=[0.0, 100.0]), "outside its range"),
    ("identity", other_identity, "identity"),
    ("resolution", lambda d: d["system"].update(resolution=64), "of another resolution"),
    ("suite", lambda d: d["suite"].update(digest="0" * 64), "another suite"),
    ("seed", lambda d: d["suite"].update(seed=8), "seed"),
    ("primary", lambda d: d["suite"].update(primary="spread"), "primary"),
    ("split", lambda d: d["split"].update(digest="0" * 64), "another split"),
    ("actors", lambda d: d["split"].update(n_actors=80), "numbers of clips and actors"),
    ("dataset", lambda d: d["dataset"].update(version="9"), "version 9 of the dataset"),
    ("synthetic", lambda d: d["dataset"].update(synthetic=True), "synthetic"),
    ("table", lambda d: d["clips"].update(table_sha256="0" * 64), "another sha256"),
    ("column left out", lambda d: d["scores"].pop("spread"), "columns are not the suite's"),
    ("leak", trained("1001"), "trained on test actors 1001"),
    ("control", lambda d: d["submission"]["controls"]["ground-truth"].update(brightness=90.0), "pinned"),
    ("control left out", lambda d: d["submission"]["controls"].pop("ground-truth"), "lacks the control"),
    ("distance", score(distance_from_reference=0.0), "distance from the ground truth"),
    ("distance from nothing", no_truth, "distance from the ground truth"),
    ("a clip without reference", no_reference, "to have no usable reference"),
    ("set value", lambda d: d["scores"]["spread"].update(value=0.0), "interval"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"), [t[1:] for t in TAMPERED], ids=[t[0] for t in TAMPERED]
)
def test_a_tampered_document_is_refused(toys: Board, change: Change, says: str) -> None:
    toys.change(change)
    finding = toys.verify()
    assert finding.tier is None
    assert any(says in problem for problem in finding.problems), finding.problems
    assert record(finding, toys.root) is None


def test_another_identity_is_told(toys: Board) -> None:
    def change(d: dict[str, Any]) -> None:
        identity = {**d["scores"]["brightness"]["identity"], "version": "0"}
        d["scores"]["brightness"].update(identity=identity, identity_digest=digest(identity))

    toys.change(change)
    finding = toys.verify()
    assert "other identities than the pinned ground truth: brightness" in finding.remarks


def test_a_changed_row_is_refused(toys: Board) -> None:
    def change(text: str) -> str:
        head, first, *rest = text.splitlines()
        return "\n".join([head, first.rpartition(",")[0] + ",100.0", *rest, ""])

    toys.change_table(change)
    assert any("another sha256" in p for p in toys.verify().problems)
    toys.change_table(lambda text: text, fix=True)
    assert any("does not follow from the table" in p for p in toys.verify().problems)


def test_a_missing_clip_is_refused(toys: Board) -> None:
    toys.change_table(lambda text: text[: text.rstrip().rindex("\n") + 1], fix=True)
    problems = toys.verify().problems
    assert any("missing from the table: 1008_CCC" in p for p in problems), problems


def test_another_actor_of_a_clip_is_refused(toys: Board) -> None:
    toys.change_table(lambda text: text.replace("1001_AAA,1001", "1001_AAA,1002"), fix=True)
    assert any("another actor" in p for p in toys.verify().problems)


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "1e999", "abc", "0x10"])
def test_cells_that_are_no_finite_numbers_are_refused(toys: Board, cell: str) -> None:
    def change(text: str) -> str:
        head, first, *rest = text.splitlines()
        return "\n".join([head, first.rpartition(",")[0] + f",{cell}", *rest, ""])

    toys.change_table(change, fix=True)
    assert any("no finite number" in p for p in toys.verify().problems)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_documents_with_numbers_that_are_none_are_refused(toys: Board, word: str) -> None:
    text = toys.path().read_text()
    value = json.loads(text)["scores"]["brightness"]["value"]
    toys.path().write_text(text.replace(repr(value), word))
    assert toys.verify().tier is None


@pytest.mark.parametrize("schema", [0, 2, -1, "1", None, 1.5, True, 10**400])
def test_an_unknown_schema_is_refused(toys: Board, schema: object) -> None:
    toys.change(lambda d: d.update(schema=schema))
    assert toys.verify().tier is None


def test_a_system_trained_on_test_actors_is_shown_and_never_ranked(toys: Board) -> None:
    def change(d: dict[str, Any]) -> None:
        trained("1001", ranked=False)(d)
        d["unranked_because"] = ["trained on test actors 1001"]

    toys.change(change)
    assert toys.verify().tier == "rows-verified"
    rows = board(toys.root)["measured"][0]["rows"]
    assert [r["rank"] for r in rows if r["system"] == "echo"] == [None]


def test_a_board_decides_on_ranks_itself(toys: Board) -> None:
    """Even where nobody verified the row."""
    toys.change(trained("1001", ranked=True))
    rows = {r["system"]: r for r in board(toys.root)["measured"][0]["rows"]}
    assert rows["echo"]["rank"] is None
    assert rows["echo"]["unranked_because"] == ["trained on test actors 1001"]
    assert rows["loud"]["rank"] == 1


def test_text_that_turns_the_order_of_others_is_harmless(toys: Board) -> None:
    toys.change(lambda d: d["submission"].update(submitter="\u202e9.0\x1b[31m", licence="a\xa0b"))
    text = page(board(toys.root))
    assert "by: ?9.0?\\[31m; licence: a b" in text


EVIL = '<script>alert(1)</script><img src=x onerror="a">|`[x](javascript:0)\\|\n# head'


def test_markup_in_texts_is_harmless(toys: Board) -> None:
    def change(d: dict[str, Any]) -> None:
        d["submission"].update(submitter=EVIL, licence=EVIL, reproduce=EVIL)
        d["scores"][EVIL] = d["scores"].pop("spread")
        d["scores"][EVIL].update(unit=EVIL, value=None, reason=EVIL)
        d["scores"][EVIL]["identity"]["x"] = EVIL
        d["system"].update(trained_on={"dataset": EVIL, "actors": [EVIL]}, oracle=[EVIL])
        d["split"]["name"] = EVIL

    toys.change(change)
    data = board(toys.root)
    text = page(data)
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<script" not in shown
    assert "<img" not in shown
    assert "<h1>head" not in shown
    assert 'href="javascript' not in shown
    assert shown.count("<td") == 9 * 6, "a cell broke out of its line"
    assert json.loads(board_text(data)) == data


@pytest.mark.parametrize(
    "name",
    ["../../../x", "/etc/passwd", "..", ".hidden", "a/b", "a\\b", "", "x" * 65, "a\nb", "a\0"],
)
def test_a_name_never_becomes_a_path_outside(toys: Board, name: str) -> None:
    result = read_result(toys.path())
    for evil in (
        result.model_copy(update={"system": result.system.model_copy(update={"name": name})}),
        result.model_copy(update={"suite": result.suite.model_copy(update={"name": name})}),
    ):
        with pytest.raises(UserError, match="is no"):
            place(toys.root, evil, "1")
    with pytest.raises(UserError, match="is no"):
        place(toys.root, result, name)
    toys.change(lambda d: d["system"].update(name=name))
    assert toys.verify().tier is None


def test_a_suite_of_another_place_is_never_read(toys: Board) -> None:
    toys.change(lambda d: d["suite"].update(name="../suites/toys"))
    assert toys.verify().tier is None


def test_links_are_refused(toys: Board, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(toys.path().read_bytes())
    toys.path().unlink()
    toys.path().symlink_to(outside)
    assert any("is a link" in p for p in toys.verify().problems)
    toys.path().unlink()
    toys.path().write_bytes(outside.read_bytes())
    table = clips_file(toys.path())
    moved = tmp_path / "outside.csv"
    table.rename(moved)
    table.symlink_to(moved)
    assert any("is a link" in p for p in toys.verify().problems)


def test_a_row_elsewhere_than_its_names_say_is_refused(toys: Board) -> None:
    target = toys.path("other")
    target.parent.mkdir()
    target.write_bytes(toys.path().read_bytes())
    clips_file(target).write_bytes(clips_file(toys.path()).read_bytes())
    with pytest.raises(UserError, match="puts it where it belongs"):
        read_row(toys.root, target)


def test_strange_files_are_refused(toys: Board) -> None:
    (toys.root / "results" / "toys" / "run.sh").write_text("rm -rf /")
    with pytest.raises(UserError, match="belongs to no result"):
        read_rows(toys.root)


@pytest.mark.parametrize("suffix", [".json", ".clips.csv"])
def test_a_huge_file_is_refused_unread(toys: Board, suffix: str) -> None:
    file = toys.path().with_name(f"1{suffix}")
    with file.open("r+b") as opened:
        opened.truncate(100_000_000)
    assert any("larger than" in p for p in toys.verify().problems)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "", "null", "\x00\xff"])
def test_damaged_documents_are_refused(toys: Board, text: str) -> None:
    toys.path().write_bytes(text.encode("latin-1"))
    assert toys.verify().tier is None


def test_a_yaml_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    file = tmp_path / "bomb.yaml"
    file.write_text("\n".join(lines))
    with pytest.raises(UserError, match="expands"):
        load_published(file)


def test_a_record_counts_for_the_bytes_it_was_made_of_only(toys: Board) -> None:
    finding = toys.verify()
    assert record(finding, toys.root) is not None
    assert read_row(toys.root, toys.path()).tier == "rows-verified"
    toys.change(lambda d: d["submission"].update(licence="MIT"))
    assert read_row(toys.root, toys.path()).tier == "self-reported"


def test_without_pinned_controls_a_row_stays_self_reported(toys: Board) -> None:
    for path in row_files(toys.root):
        if "@" in path.parent.name:
            path.unlink()
            clips_file(path).unlink()
    finding = toys.verify()
    assert finding.tier == "self-reported"
    assert any("columns not compared" in remark for remark in finding.remarks)


def test_a_second_pin_of_a_control_is_refused(toys: Board) -> None:
    first = toys.path("ground-truth@32")
    first.with_name("2.json").write_bytes(first.read_bytes())
    first.with_name("2.clips.csv").write_bytes(clips_file(first).read_bytes())
    with pytest.raises(UserError, match="also pinned"):
        read_rows(toys.root)


def test_identities_are_what_their_digests_say(toys: Board) -> None:
    scores = json.loads(toys.path().read_text())["scores"]
    assert all(s["identity_digest"] == digest(s["identity"]) for s in scores.values())
