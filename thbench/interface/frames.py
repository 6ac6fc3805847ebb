"""Rows as a pandas DataFrame where pandas is installed, else as they are."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pandas

TableLike: TypeAlias = "pandas.DataFrame | list[dict[str, Any]]"


def frame(rows: Sequence[dict[str, Any]]) -> TableLike:
    """A missing value is NaN in a DataFrame and None in a list of dicts; never 0."""
    if find_spec("pandas") is None:
        return list(rows)
    import pandas

    names = list(dict.fromkeys(name for row in rows for name in row))
    return pandas.DataFrame(list(rows), columns=names)
