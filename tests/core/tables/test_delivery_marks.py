"""Which columns are marked by a stored sensitivity file, and which must not be."""

from __future__ import annotations

from typing import Any

import pytest

from made import result
from thbench.results.document import Result
from thbench.results.sensitivity import Gap, Move, Sensitivity
from thbench.tables.build import tables
from thbench.tables.delivery import DeliveryMark, delivery_lines, delivery_notes, gaps_of
from thbench.tables.markdown import MARK

VALUES = {"a": 1.0, "b": 1.5, "c": 4.0}


def rows() -> list[Result]:
    found = [
        result(n, "system", 64, {"m": [v, v], "k": [9 - v, 9 - v]}, 2) for n, v in VALUES.items()
    ]
    return [*found, result("ground-truth", "control", 64, {"m": [0.0, 0.0], "k": [0.0, 0.0]}, 2)]


def move(delivery: str, size: float | None, source: str = "a", column: str = "m") -> Move:
    return Move(
        source=source, delivery=delivery, column=column, before=1.0, after=1.0, move=size, n=2, of=2
    )


def stored(*moves: Move, **other: Any) -> Sensitivity:
    column = {"metric": "m", "better": "lower", "identity_digest": "6" * 64}
    data: dict[str, Any] = {
        "suite": "made", "suite_digest": "1" * 64, "split_digest": "2" * 64, "references_digest": "3" * 64,
        "dataset": "made", "resolution": 64, "n_clips": 2, "n_actors": 1,
        "sources": {"a": {"kind": "system", "clips": 2}, "ground-truth": {"kind": "control", "clips": 2}},
        "deliveries": {"web": {"usual": True}, "blocks": {}},
        "columns": {"m": column, "k": column}, "moves": moves,
    }  # fmt: skip
    return Sensitivity.model_validate({**data, **other})


def notes(found: Sensitivity | None) -> dict[str, str]:
    (table,) = tables(rows())
    return delivery_notes(found, table, rows())


def test_neighbours_are_those_in_the_order_of_a_column() -> None:
    (table,) = tables(rows())
    gaps = {c: [(g.better, g.worse, g.gap) for g in of] for c, of in gaps_of(table).items()}
    assert gaps == {
        "m": [("a", "b", 0.5), ("b", "c", 2.5)],
        "k": [("c", "b", 2.5), ("b", "a", 0.5)],  # lower is better here as well
    }


def test_a_usual_delivery_that_moves_a_system_further_marks_its_column_alone() -> None:
    assert notes(stored(move("web", -0.75))) == {
        "m": "m: web alone moves a by -0.75, more than the 0.5 between a and b (1 of 2 neighbouring pairs)"
    }
    assert (
        "the 0.5 between a and b (2 of 2" in notes(stored(move("web", 0.1), move("web", 3.0)))["m"]
    )


@pytest.mark.parametrize(
    "found",
    [
        None,
        stored(move("web", 0.5)),  # as far as they are apart, not further
        stored(move("web", None)),
        stored(move("blocks", 3.0)),  # nobody delivers like that
        stored(move("web", 3.0, source="ground-truth")),
        stored(move("web", 3.0), suite_digest="9" * 64),
        stored(move("web", 3.0), split_digest="9" * 64),
        stored(move("web", 3.0), references_digest="9" * 64),
        stored(move("web", 3.0), resolution=128),
        stored(move("web", 3.0), columns={"m": {"metric": "m", "better": "lower", "identity_digest": "7" * 64}}),
    ],
)  # fmt: skip
def test_nothing_else_marks(found: Sensitivity | None) -> None:
    assert notes(found) == {}


def test_marks_are_a_line_each_and_none_without_a_file() -> None:
    assert delivery_lines(None, rows(), None) == []
    (line,) = delivery_lines(stored(move("web", -0.75)), rows(), None)
    assert line.startswith(f"{MARK} m: web alone moves a by -0.75, more than")


def test_a_move_that_is_not_known_is_no_move() -> None:
    mark = DeliveryMark("m", move("web", None), [Gap(better="a", worse="b", gap=0.5)], 3)
    assert mark.text.startswith(
        "m: web alone moves a by 0, more than the 0.5 between a and b (1 of 3"
    )
    more = DeliveryMark("m", move("web", 1.25), mark.gaps, 3)
    assert "by +1.25," in more.text
