"""Names, numbers and files that are made to mislead: each is refused in one line, or shown for what it is."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guards import some
from paths import ROOT
from thbench.api import ClipFailure, Failure, UserError
from thbench.charts.svg import safe
from thbench.files.arrays import MOST_ROWS_OF_NOTHING, array_bytes, array_of
from thbench.files.foreign import json_of, json_or, read_arrays, read_json, read_text, reading
from thbench.files.yamlfile import parse_yaml
from thbench.plugins.discovery import registry
from thbench.report.data_files import as_script
from thbench.report.page import pages
from thbench.results.document import read_result
from thbench.suite import build_suite, find_suite
from thbench.tables.export import latex
from thbench.tables.markdown import escape_cell, markdown_table

TURNED = "a\u202eb\x00c\x1bd\ud800e"
ROW = next(iter(sorted((ROOT / "leaderboard/results/demo/gan").glob("*.json"))))


def hidden(text: str) -> bool:
    return any(not c.isprintable() and c != "\n" for c in text)


# -- texts --------------------------------------------------------------------------------------------


def test_messages_hold_nothing_that_hides_or_turns_text() -> None:
    assert not hidden(str(UserError(TURNED, TURNED)))
    assert not hidden(str(ClipFailure(TURNED)))
    assert not hidden(Failure("c", TURNED).reason)


def test_messages_end() -> None:
    assert len(str(UserError("x" * 10**6, "y" * 10**6))) < 5000
    assert len(str(ClipFailure("x" * 10**6))) < 5000
    assert len(Failure("c", "x" * 10**6).reason) < 5000


def test_pages_and_tables_hold_nothing_that_hides_or_turns_text() -> None:
    assert not hidden(escape_cell(TURNED))
    assert not hidden(latex(TURNED))
    assert not hidden(safe(TURNED).replace("\ufffd", ""))
    assert not hidden(pages().from_string("{{ text }}").render(text=TURNED))
    script = as_script("x", {TURNED: [TURNED, {"a": TURNED}], "n": 1.5})
    assert "202e" not in script and "u0000" not in script and "ud800" not in script


def test_a_column_name_is_no_markup_in_a_table() -> None:
    name = "<svg onload=alert(1)>|`x`"
    column: dict[str, Any] = {"better": "lower", "unit": name, "identity": {"metric": name}, "identity_digest": "0" * 64}  # fmt: skip
    score: dict[str, Any] = {"value": None, "reason": name, "n": 0, "of": 1}
    row: dict[str, Any] = {
        "system": name, "kind": "system", "place": "1", "clips": 1, "of": 1, "scores": {name: score},
        "unranked_because": [name], "remarks": [name], "trained_on": name,
    }  # fmt: skip
    text = "\n".join(markdown_table({"columns": {name: column}, "rows": [row], "resolution": 64}))
    assert "<" not in text and "onload" in text and "`x`" not in text
    head = text.splitlines()[0]
    assert head.replace("\\|", "").count("|") == 5


# -- names --------------------------------------------------------------------------------------------

SUITE = """\
schema: 1
name: names
dataset: {name: puppet}
split: puppet_v1
systems:
  NAME: {generator: folder, resolution: 64, root: .}
  gan: {generator: folder, resolution: 64, root: .}
metrics: [psnr]
"""


def build(text: str) -> Any:
    return build_suite(parse_yaml(text, "names.yaml", Path()), registry())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("GAN", "looks like the system GAN"),
        ("Ground-Truth", "looks like the control ground-truth"),
        ("ground.truth", "looks like the control ground-truth"),
        ("still-identity", "looks like the control still-identity"),
        ('"-rf"', "no usable system name"),
        ('"gan\\n"', "no usable system name"),
        ('"g\\u0430n"', "no usable system name"),
    ],
)
def test_systems_of_a_suite_look_like_nothing_else(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        build(SUITE.replace("NAME", name))


def test_a_second_of_a_kind_is_no_look_alike() -> None:
    assert [s.name for s in build(SUITE.replace("NAME", "gan+")).systems] == ["gan+", "gan"]


def test_a_folder_named_like_a_shipped_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    assert find_suite("demo").parent.name == "benchmarks"


# -- numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "0." + "1" * 5000,
        "1" * 5000,
        "true",
        '"1.5"',
        "[1]",
    ],
    ids=lambda text: text[:9],
)
def test_a_value_of_a_result_is_a_number(tmp_path: Path, number: str) -> None:
    data = json.loads(ROW.read_text())
    score = next(iter(data["scores"].values()))
    score["value"] = "VALUE"
    file = tmp_path / "row.json"
    file.write_text(json.dumps(data).replace('"VALUE"', number))
    with pytest.raises(UserError) as caught:
        read_result(file)
    assert str(file) in str(caught.value) and len(str(caught.value)) < 1000


@pytest.mark.parametrize("number", ["true", "3.0", '"3"'])
def test_a_count_of_a_result_is_a_whole_number(tmp_path: Path, number: str) -> None:
    data = json.loads(ROW.read_text())
    data["clips"]["n"] = "COUNT"
    file = tmp_path / "row.json"
    file.write_text(json.dumps(data).replace('"COUNT"', number))
    with pytest.raises(UserError, match=r"clips\.n"):
        read_result(file)


@pytest.mark.parametrize("number", [".nan", "-.inf", "0." + "1" * 5000, "9" * 5000])
def test_numbers_of_a_yaml_document_are_finite_and_end(number: str) -> None:
    with pytest.raises(UserError, match=r"x\.yaml:2: "):
        parse_yaml(f"a: 1\nb: {number}\n", "x.yaml", Path())


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "", "nul", '{"a":1}x', "\ufeff{}"]
)
def test_a_text_that_is_no_json(text: str) -> None:
    with pytest.raises(UserError, match=r"^x cannot be read: ") as caught:
        json_of(text, "x")
    assert len(str(caught.value)) < 1000


# -- arrays -------------------------------------------------------------------------------------------


def npy(shape: tuple[int, ...], dtype: str = "<f8", data: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    head = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, head)
    return buffer.getvalue() + data


@pytest.mark.parametrize(
    "content",
    [
        npy((10**10, 0)),
        npy((0, MOST_ROWS_OF_NOTHING + 1)),
        npy((10**10, 10**10)),
        npy((10**12,), data=bytes(8)),
        npy((-1, 8), data=bytes(8)),
        npy((1,), "|O", bytes(8)),
        npy((3,), data=bytes(8)),
        b"\x93NUMPY\x01\x00\xff\xff",
        b"",
    ],
)
def test_an_array_that_is_not_what_it_says(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read"):
        read_arrays(tmp_path / "a.npy")


def test_an_array_as_it_is(tmp_path: Path) -> None:
    given = np.arange(6.0).reshape(2, 3)
    assert (array_of(array_bytes(given)) == given).all()
    np.savez(tmp_path / "a.npz", x=given, y=np.zeros((0, 3)))
    found = read_arrays(tmp_path / "a.npz")
    assert (found["x"] == given).all() and found["y"].shape == (0, 3)


@pytest.mark.parametrize("clip", [False, True])
def test_an_archive_that_unpacks_to_too_much(tmp_path: Path, clip: bool) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(3_000_000))
    assert (tmp_path / "bomb.npz").stat().st_size < 100_000
    kind = ClipFailure if clip else UserError
    with pytest.raises(kind, match="unpacks to over 1000000 bytes"):
        read_arrays(tmp_path / "bomb.npz", most=10**6, clip=clip)


def test_an_archive_that_lies_about_its_size(tmp_path: Path) -> None:
    file = tmp_path / "lie.npz"
    np.savez_compressed(file, x=np.zeros(3_000_000))
    with zipfile.ZipFile(file) as archive:
        (member,) = archive.infolist()
    real, small = member.file_size.to_bytes(4, "little"), (1000).to_bytes(4, "little")
    file.write_bytes(file.read_bytes().replace(real, small))
    with pytest.raises(UserError, match="cannot be read"):
        read_arrays(file)


# -- files --------------------------------------------------------------------------------------------


def test_what_blocks_is_refused_unopened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in some([tmp_path / "fifo", Path("/dev/zero"), Path("/dev/stdin")]):
        for read in some([read_text, read_json, read_arrays]):
            if path.exists() and not path.is_file():
                with pytest.raises(UserError, match="no regular file"):
                    read(path)


def test_a_file_is_no_larger_than_it_may_be(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(UserError, match="is larger than 1000000000 bytes"):
        read_text(sparse)


def test_every_fault_of_reading_is_one_line_and_faults_of_the_machine_stay_known() -> None:
    from thbench.errors import machine_fault

    for error in some(
        [KeyError("a\nb"), IndexError(), RecursionError(), AttributeError("x" * 9999)]
    ):
        with pytest.raises(UserError, match=r"^x cannot be read: ") as caught, reading("x"):
            raise error
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000
    with pytest.raises(MemoryError, match=r"^$"), reading("x"):
        raise MemoryError
    with pytest.raises(UserError, match="Input/output error") as broken, reading("x"):
        raise OSError(5, os.strerror(5))
    assert machine_fault(broken.value) is not None


def test_what_is_absent_or_damaged_is_nothing_and_a_fault_of_the_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.json").write_text("{")
    assert json_or(tmp_path / "bad.json", 7) == json_or(tmp_path / "absent.json", 7) == 7

    def broken(*_: Any, **__: Any) -> Any:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(Path, "open", broken)
    with pytest.raises(UserError, match="Input/output error"):
        json_or(tmp_path / "bad.json", 7)
