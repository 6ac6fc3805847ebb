"""Two systems of finished runs against each other, for Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from thbench.interface.frames import frame
from thbench.tables.compare import Rivals, as_json, lines

if TYPE_CHECKING:
    from thbench.interface.frames import TableLike


@dataclass(frozen=True)
class Comparison:
    """a minus b, score by score, on the clips that both have.

    columns  score -> difference, its 95 % interval over actors (low, high), p_value of the permutation
             test, n_actors, tied, and the note where they cannot be compared
    """

    a: str
    b: str
    resolution: int
    columns: Mapping[str, Mapping[str, Any]]
    text: str

    def table(self) -> TableLike:
        """One row per score; a pandas DataFrame where pandas is installed, else a list of dicts."""
        return frame([{"score": name, **row} for name, row in self.columns.items()])

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>"


def comparison(pair: Rivals) -> Comparison:
    found = as_json(pair)
    columns = found["columns"]
    assert isinstance(columns, dict)
    size = pair.a.result.system.resolution
    return Comparison(pair.a.name, pair.b.name, size, columns, "\n".join(lines(pair)))
