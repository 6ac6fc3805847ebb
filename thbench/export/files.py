"""Exports that are one file of records: CSV, JSON, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from thbench.export.extras import need
from thbench.export.records import identities
from thbench.export.selection import Selection
from thbench.tables.export import spreadsheet_safe

Records = Sequence[dict[str, Any]]


def csv_bytes(chosen: Selection, records: Records) -> bytes:
    """Exact values; an empty cell is a value that does not exist. No text is a spreadsheet's formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = _names(records)
    writer.writerow(map(spreadsheet_safe, names))
    for record in records:
        writer.writerow([_cell(record.get(name)) for name in names])
    return buffer.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return spreadsheet_safe(value) if isinstance(value, str) else repr(value)


def json_bytes(chosen: Selection, records: Records) -> bytes:
    """The records with suite, split and the identity of every column."""
    first = chosen.first
    data = {
        "schema": 1,
        "suite": first.suite.model_dump(mode="json"),
        "split": first.split.model_dump(mode="json"),
        "columns": identities(chosen),
        "records": list(records),
    }
    return (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parquet_bytes(chosen: Selection, records: Records) -> bytes:
    """Typed columns, nulls where there is no value; suite and identities in the file's metadata."""
    need("pyarrow", "parquet")
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist(list(records), schema=_schema(records))
    described = {"suite": chosen.first.suite.model_dump(mode="json"), "columns": identities(chosen)}
    table = table.replace_schema_metadata({"thbench": json.dumps(described)})
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _schema(records: Records) -> Any:
    """A column without any value is of numbers: pyarrow would give it no type at all."""
    import pyarrow

    types = {bool: pyarrow.bool_(), int: pyarrow.int64(), str: pyarrow.string()}
    fields = []
    for name in _names(records):
        held = {type(v) for r in records if (v := r.get(name)) is not None}
        kind = types.get(held.pop(), pyarrow.float64()) if len(held) == 1 else pyarrow.float64()
        text = name in ("place", "counts", "reason")
        fields.append((name, pyarrow.string() if text else kind))
    return pyarrow.schema(fields)


def _names(records: Records) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record))
