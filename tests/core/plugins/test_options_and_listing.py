"""Options: strict types, paths made absolute and kept out of identities; and how plugins are described."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest

from thbench.api import Plugin
from thbench.errors import UserError
from thbench.files.yamlfile import Document
from thbench.plugins.discovery import Owner, Registered
from thbench.plugins.listing import describe, describe_plugin, overview
from thbench.plugins.options import (
    dump_options,
    file_digests,
    option_help,
    option_schema,
    path_options,
    resolve_options,
)


@dataclass(frozen=True)
class Options:
    needed: Annotated[int, "how many"]
    rate: Annotated[float, "how fast", "not this text"] = 1.5
    names: Annotated[tuple[str, ...], "which"] = ("a",)
    file: Annotated[Path | None, "where"] = None
    files: tuple[Path, ...] = ()
    made: list[int] = field(default_factory=lambda: [3])


PLUGIN: Plugin[Any, Any] = Plugin(
    "made", Options, lambda o, c: o, summary="a plugin", variants={"fast": {"rate": 9.0}}
)


def resolved(given: dict[str, Any], folder: Path = Path()) -> Options:
    document = Document("a suite", {"o": given}, folder=folder)
    return resolve_options(PLUGIN, given, document, ("o",), "metric")


def test_schema_and_help_name_every_option() -> None:
    assert list(option_schema(PLUGIN)) == ["needed", "rate", "names", "file", "files", "made"]
    expected = {"needed": "how many", "rate": "how fast", "names": "which", "file": "where"}
    assert option_help(PLUGIN) == {**expected, "files": "", "made": ""}
    assert path_options(PLUGIN) == {"file", "files"}


def test_values_become_the_options_object() -> None:
    found = resolved({"needed": 2, "names": ["x", "y"]})
    assert found == Options(2, 1.5, ("x", "y"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "Field required"),
        ({"needed": "2"}, "valid integer"),
        ({"needed": 2.5}, "valid integer"),
        ({"needed": True}, "valid integer"),
        ({"needed": 2, "rate": "fast"}, "valid number"),
        ({"needed": 2, "names": "x"}, "array|tuple"),
        ({"needed": 2, "raet": 1}, "did you mean 'rate'"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        resolved(given)


def test_paths_start_at_the_suites_folder_and_say_nothing_of_what_is_measured(
    tmp_path: Path,
) -> None:
    (tmp_path / "w.bin").write_bytes(b"weights")
    options = resolved({"needed": 1, "file": "w.bin", "files": ["x", "/y"]}, tmp_path)
    assert options.file == tmp_path / "w.bin"
    assert options.files == (tmp_path / "x", Path("/y"))
    assert set(dump_options(PLUGIN, options)) == {"needed", "rate", "names", "made"}
    assert file_digests(PLUGIN, options) == {"file": hashlib.sha256(b"weights").hexdigest()}
    moved = resolved({"needed": 1, "file": str(tmp_path / "absent")})
    assert dump_options(PLUGIN, moved) == dump_options(PLUGIN, options)
    assert file_digests(PLUGIN, moved) == {}


def test_a_description_has_every_option_with_its_default_and_every_variant() -> None:
    lines = describe(Registered("metric", PLUGIN, Owner("dist", "1.2", "e", "m"))).splitlines()
    assert lines[0].startswith("metric made (version ") and lines[0].endswith("from dist[e]")
    assert lines[1] == "  a plugin"
    assert lines[2:8] == [
        "  needed [required] how many",
        "  rate [1.5] how fast",
        '  names [["a"]] which',
        "  file [null] where",
        "  files [[]]",
        "  made [[3]]",
    ]
    assert lines[8] == f"  variant made@fast: {json.dumps({'rate': 9.0})}"


def test_the_overview_has_every_kind_and_the_shipped_suites() -> None:
    found = overview()
    assert {"datasets", "generators", "metrics", "extractors", "engines", "weights"} <= set(found)
    assert {"toy-brightness", "syncnet"} <= {e["name"] for e in found["metrics"]}
    assert {"demo", "smoke"} <= {e["name"] for e in found["suites"]}
    assert all(e["about"] for e in found["suites"] if e["name"] in ("demo", "smoke"))


def test_an_unknown_plugin_has_the_nearest_right_name() -> None:
    assert describe_plugin("toy-echo").startswith("generator toy-echo (version ")
    with pytest.raises(UserError, match="did you mean 'toy-echo'"):
        describe_plugin("toy-ecko")
    with pytest.raises(UserError, match="no plugin 'qqqq'"):
        describe_plugin("qqqq")
