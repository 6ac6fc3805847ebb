"""Files of others are read in one place: inside `thbench.files.foreign`, or inside its `reading`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from guards import some
from paths import ROOT

PARSERS = {
    "json.load", "json.loads", "yaml.load", "yaml.safe_load", "yaml.compose", "zipfile.ZipFile", "tarfile.open",
    "torch.load", "torch.jit.load", "safe_open", "load_file", "np.load", "np.fromfile", "np.loadtxt", "np.memmap",
    "csv.reader", "csv.DictReader", "gzip.open", "cv2.imread", "cv2.imdecode", "pickle.load", "pickle.loads",
    "tomllib.load", "tomllib.loads", "configparser.ConfigParser", "ast.parse", "cv2.FaceDetectorYN.create", "cv2.FaceRecognizerSF.create",
}  # fmt: skip
"""Calls that read or parse what a file holds."""
METHODS = {
    "read_text",
    "read_bytes",
    "model_validate_json",
    "readNetFromONNX",
    "readNetFromTFLite",
    "shape_predictor",
}
GUARDS = {"reading"}
FREE = ("thbench/files/",)
"""Where reading is at home."""

SHIPPED = "a file that the plugin ships"
VERIFIED = "a digest of weights whose SHA-256 was checked when they came in"
BY_HAND = "a program that maintainers run on their own files"
OWN = "a file that thbench has just written or is writing"
INSTALLED = "source code of an installed plugin, which is trusted"
OURS: dict[str, str] = {
    "plugins/thbench_crema_d/catalogue.py:published": SHIPPED,
    "plugins/thbench_crema_d/catalogue.py:_actors": SHIPPED,
    "plugins/thbench_crema_d/catalogue.py:read_catalogue": "lines of a file that its callers read",
    "plugins/thbench_crema_d/download.py:_check": OWN,
    "plugins/thbench_crema_d/make_manifest.py:_described": BY_HAND,
    "plugins/thbench_expression/puppet_points.py:__init__": SHIPPED,
    "plugins/thbench_expression/puppet_readout.py:feature_network": SHIPPED,
    "plugins/thbench_expression/puppet_readout.py:load": SHIPPED,
    "plugins/thbench_expression/train_puppet.py:main": BY_HAND,
    "plugins/thbench_external/command.py:_keep_log": OWN,
    "plugins/thbench_external/runner.py:run": OWN,
    "plugins/thbench_external/launch.py:_descendants": "/proc; it runs without thbench",
    "plugins/thbench_external/runner.py:last_words": OWN,
    "thbench/testing/worker.py:_queued": "/proc",
    "plugins/thbench_external/workspace.py:_copy_plain": "opened without blocking, then examined",
    "plugins/thbench_face/puppet_points.py:__init__": SHIPPED,
    "plugins/thbench_face/sources.py:__init__": SHIPPED,
    "plugins/thbench_face/train_puppet.py:main": BY_HAND,
    "plugins/thbench_fid/inception.py:__init__": VERIFIED,
    "plugins/thbench_fid/published.py:pictures_of": BY_HAND,
    "plugins/thbench_fid/puppet_features.py:__init__": SHIPPED,
    "plugins/thbench_fid/puppet_features.py:network": SHIPPED,
    "plugins/thbench_fid/train_puppet.py:main": BY_HAND,
    "plugins/thbench_fvd/extractors.py:load": SHIPPED,
    "plugins/thbench_fvd/extractors.py:digest": VERIFIED,
    "plugins/thbench_fvd/train_puppet.py:main": BY_HAND,
    "plugins/thbench_identity/embedders.py:dlib_descriptor": "files known by their SHA-256",
    "plugins/thbench_identity/embedders.py:_checked": "a file of an installed package, known by its SHA-256",
    "plugins/thbench_lpips/published.py:_require_digits": VERIFIED,
    "plugins/thbench_ray/node.py:_text": "/proc and /sys",
    "plugins/thbench_recordings/__init__.py:_head": SHIPPED,
    "plugins/thbench_syncnet/augment.py:_compressed": "a picture that the line before made",
    "plugins/thbench_syncnet/features.py:file_digest": VERIFIED,
    "plugins/thbench_syncnet/puppet.py:load_puppet_net": SHIPPED,
    "plugins/thbench_syncnet/train_puppet.py:main": BY_HAND,
    "thbench/leaderboard/archive.py:write_archive": OWN,
    "thbench/leaderboard/archive.py:open_archive": "a regular file, examined on the lines above",
    "thbench/leaderboard/archive.py:_checked": "called inside the reading of open_archive",
    "thbench/plugins/parsed.py:_parsed": INSTALLED,
    "thbench/plugins/parsed.py:_read": "its own file in the cache, whose digest is checked before it is parsed",
    "thbench/plugins/sources.py:_contents": INSTALLED,
    "thbench/plugins/sources.py:_tree": INSTALLED,
    "thbench/plugins/sources.py:_tops": "the list of files of an installed package",
    "thbench/plugins/sources.py:_found": INSTALLED,
    "thbench/plugins/weights.py:_content": "copied and hashed; examined on the line above",
    "thbench/report/page.py:write_page": "a part of thbench",
    "thbench/study/page.py:_asset": "a part of thbench",
    "thbench/study/wording.py:_shipped": "a part of thbench",
    "thbench/training/checkpoint.py:write_checkpoint": OWN,
    "thbench/video/containers.py:open_media": "every fault becomes one ClipFailure there",
    "thbench/video/gather.py:_mapped": OWN,
}
"""`file:function` that reads outside all the same, and why nothing of others goes wrong there."""


def python_files() -> list[Path]:
    found = [p for name in ("thbench", "plugins") for p in (ROOT / name).rglob("*.py")]
    return sorted(p for p in found if "templates" not in p.parts)


def unguarded(tree: ast.AST, file: str) -> Iterator[tuple[str, int, str]]:
    """(`file:function`, line, call) of every call that reads outside of a `with reading(...)`."""

    def walk(node: ast.AST, function: str, safe: bool) -> Iterator[tuple[str, int, str]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.With):
            inner = safe
            for item in node.items:  # an item is inside those before it
                yield from walk(item, function, inner)
                inner = inner or _named(item.context_expr) in GUARDS
            for child in node.body:
                yield from walk(child, function, inner)
            return
        if isinstance(node, ast.Call) and not safe and (name := _reads(node)):
            yield f"{file}:{function}", node.lineno, name
        for child in ast.iter_child_nodes(node):
            yield from walk(child, function, safe)

    yield from walk(tree, "", False)


def _named(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        return _named(node.func)
    if isinstance(node, ast.Attribute):
        return f"{_named(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def _reads(call: ast.Call) -> str:
    name = _named(call)
    if name in PARSERS:
        return name
    last = name.rpartition(".")[2] or (
        call.func.attr if isinstance(call.func, ast.Attribute) else ""
    )
    if last in METHODS and isinstance(call.func, ast.Attribute):
        return last
    return last if last == "open" and _opens_to_read(call) else ""


def _opens_to_read(call: ast.Call) -> bool:
    """`path.open("rb")`, `path.open()`, `open(path)`: not `folder.open(record)`, which is no file."""
    free = isinstance(call.func, ast.Name)
    modes = [*call.args[free:], *(k.value for k in call.keywords if k.arg == "mode")]
    if not modes:
        return free or not call.args
    mode = modes[0]
    return isinstance(mode, ast.Constant) and str(mode.value).startswith("r")


@cache
def found() -> list[tuple[str, int, str]]:
    """What all files read outside; not at import, which every process of a session pays for."""
    files = {path.relative_to(ROOT).as_posix(): path for path in python_files()}
    return [
        call
        for file, path in files.items()
        if not file.startswith(FREE)
        for call in unguarded(ast.parse(path.read_text(encoding="utf-8")), file)
    ]


def test_files_are_read_in_one_place() -> None:
    strange = [
        f"{place} (line {line}) calls {call}" for place, line, call in found() if place not in OURS
    ]
    assert not strange, f"{strange}: read inside `with reading(path, remedy)` of thbench.api"


def test_every_exception_is_needed() -> None:
    assert {place for place, _, _ in found()} == set(OURS)


@pytest.mark.parametrize(
    "code",
    [
        "json.loads(text)",
        "with path.open('rb') as file:\n    pass",
        "path.read_text(encoding='utf-8')",
        "open(path)",
        "torch.load(path, weights_only=True)",
        "with zipfile.ZipFile(path) as z:\n    pass",
        "with path.open() as file, reading(path):\n    pass",
    ],
)
def test_reading_outside_is_found(code: str) -> None:
    assert len(list(unguarded(ast.parse(code), "x"))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "with reading(path, 'x'):\n    json.loads(path.read_text())",
        "with reading(path), path.open('rb') as file:\n    pass",
        "folder.open(record)",
        "path.open('wb')",
        "os.open(path, os.O_RDONLY)",
    ],
)
def test_what_is_allowed(code: str) -> None:
    assert not list(unguarded(ast.parse(code), "x"))


def test_every_file_is_looked_at() -> None:
    assert len(some(python_files())) > 300
