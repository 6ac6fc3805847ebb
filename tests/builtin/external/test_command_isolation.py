"""What a program can see and leave behind: with bubblewrap, and without it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guards import some
from paths import ROOT
from runs import SUITE, start
from thbench.api import Failure, Generated, Request
from thbench.testing.subject import subject_of
from thbench_external import isolation

PROGRAM = ROOT / "tests" / "support" / "fake_program.py"
needs_bubblewrap = pytest.mark.skipif(not isolation.works(), reason="bubblewrap is not usable here")


def request(n: int = 5, size: int = 32) -> Request:
    frame = np.zeros((size, size, 3), np.uint8)
    return Request("1001_AAA", frame, np.zeros(n * 640, np.int16), n, size, 7)


def script(code: str, *words: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code, *words]


def asked(argv: list[str], **options: Any) -> Any:
    given = {"argv": argv, "output": "{clip}.avi", **options}
    (answer,) = subject_of("generator", "command", given).build().generate([request()])
    return answer


LOOK = """
import json, os, pathlib, sys
def read(path):
    try:
        return pathlib.Path(path).read_bytes().decode(errors="replace")
    except OSError as error:
        return None
seen = {"secret": read(sys.argv[1]), "pids": [], "environ": "", "cwd": []}
for entry in pathlib.Path("/proc").glob("[0-9]*"):
    if int(entry.name) != os.getpid():
        seen["pids"].append(entry.name)
        seen["environ"] += read(entry / "environ") or ""
        try:
            seen["cwd"].append(os.readlink(entry / "cwd"))
        except OSError:
            pass
import socket
try:
    seen["net"] = [name for _, name in socket.if_nameindex()]
except OSError:
    seen["net"] = []
print("SEEN" + json.dumps({"secret": seen["secret"], "leak": "TOPSECRET" in seen["environ"],
      "cwd": sys.argv[2] in seen["cwd"], "pids": len(seen["pids"]), "net": seen["net"]}))
sys.exit(1)
"""


def seen(answer: Any) -> dict[str, Any]:
    assert isinstance(answer, Failure), answer
    found: dict[str, Any] = json.loads(answer.reason.partition("SEEN")[2])
    return found


@needs_bubblewrap
def test_an_isolated_program_sees_no_target_no_secret_and_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "runs" / "target.txt"
    target.parent.mkdir()
    target.write_text("the target")
    monkeypatch.setenv("SECRET", "TOPSECRET")
    monkeypatch.chdir(tmp_path)
    # the path is put together inside, so that argv does not name it
    code = LOOK.replace("sys.argv[1]", repr("/") + " + sys.argv[1]")
    found = seen(asked(script(code, str(target)[1:], str(tmp_path)), isolation="bubblewrap"))
    assert found["secret"] is None and not found["leak"] and not found["cwd"]
    assert found["pids"] <= 2  # bubblewrap's own
    assert set(found["net"]) <= {"lo"}


@needs_bubblewrap
def test_an_isolated_program_delivers_as_any_other() -> None:
    words = ["--out", "{out}", "--frames", "{frames}", "--size", "{size}"]
    argv = [sys.executable, "-I", "-S", str(PROGRAM), *words]
    answer = asked(argv, isolation="bubblewrap")
    assert isinstance(answer, Generated), answer


@needs_bubblewrap
def test_an_isolated_program_with_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_text("weights")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "target").write_text("the target")
    code = (
        "import pathlib, sys; p = pathlib.Path('.'); (p / 'mine').write_text('x'); "
        "print('SEEN' + __import__('json').dumps([(p / 'model.bin').read_text(), "
        "(p / 'runs' / 'target').exists()])); sys.exit(1)"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        answer = asked(script(code), isolation="bubblewrap", root=str(tmp_path))
    assert seen(answer) == ["weights", False]
    assert (tmp_path / "mine").read_text() == "x"


def test_without_isolation_the_parent_gives_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program's parent has its clean environment and lies in `/`; others only root may read."""
    monkeypatch.setenv("SECRET", "TOPSECRET")
    monkeypatch.chdir(tmp_path)
    code = (
        "import os, pathlib, sys; p = pathlib.Path(f'/proc/{os.getppid()}'); "
        "t = lambda f: f() if True else ''\n"
        "try: e = (p / 'environ').read_bytes()\n"
        "except OSError: e = b''\n"
        "try: c = os.readlink(p / 'cwd')\n"
        "except OSError: c = ''\n"
        "print('SEEN' + __import__('json').dumps([b'TOPSECRET' in e, c])); sys.exit(1)"
    )
    leak, folder = seen(asked(script(code), isolation="none"))
    assert not leak and folder in ("", "/")


DAEMON = """
import os, pathlib, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            pathlib.Path(sys.argv[1]).write_text(str(time.time()))
            time.sleep(0.02)
    os._exit(0)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 600.0], ids=["ends", "hangs"])
def test_a_daemon_does_not_survive(tmp_path: Path, seconds: float) -> None:
    beat = tmp_path / "beat"
    for longest in (2.0, 20.0, 200.0):  # on a busy machine it may not have started in two seconds
        asked(script(DAEMON, str(beat), str(seconds)), isolation="none", timeout=longest)
        if beat.exists():
            break
    last = beat.read_text()
    time.sleep(0.3)
    assert beat.read_text() == last


@pytest.mark.parametrize("kind", ["none", pytest.param("bubblewrap", marks=needs_bubblewrap)])
def test_many_small_files_count_together(kind: str) -> None:
    code = (
        "import pathlib, sys, time\n"
        "for n in range(200):\n"
        "    (pathlib.Path(sys.argv[1]) / str(n)).write_bytes(bytes(range(256)) * 4000)\n"
        "time.sleep(30)"
    )
    answer = asked(script(code, "{out_folder}"), isolation=kind, total_mb=50, timeout=60.0)
    assert "wrote over 50 MB" in answer.reason


@pytest.mark.parametrize(
    "clip", ["-rf", "--out=/etc/passwd", "-", "$(x)", "a b", "../x", "\u202e\x00"]
)
@pytest.mark.parametrize("ids", ["opaque", "real"])
def test_a_clip_id_is_never_an_option_or_a_path(clip: str, ids: str) -> None:
    # spelled otherwise, since a reason has {clip} in the place of the clip's name
    code = "import json, sys; print('SEEN' + json.dumps(sys.argv[1].encode().hex())); sys.exit(1)"
    given = {"argv": script(code, "{clip}"), "output": "{clip}.avi", "clip_ids": ids}
    frame = np.zeros((32, 32, 3), np.uint8)
    one = Request(clip, frame, np.zeros(640, np.int16), 1, 32, 7)
    (answer,) = subject_of("generator", "command", given).build().generate([one])
    word = bytes.fromhex(str(seen(answer))).decode()
    assert word[0].isalnum() or word[0] == "_"
    assert word.replace("_", "").replace("-", "").isalnum() and word.isascii()


@needs_bubblewrap
def test_an_interpreter_behind_links_into_other_prefixes_starts_inside(tmp_path: Path) -> None:
    """As pyenv, conda and tools that share environments make them: env -> hop -> the real one."""
    real = Path(sys.executable).resolve()
    for name, target in (("hop", real), ("env", Path("../../hop/bin/python3"))):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python3").symlink_to(target)
    (tmp_path / "linked").symlink_to(tmp_path / "env")
    words = ["--out", "{out}", "--frames", "{frames}", "--size", "{size}"]
    for folder in some(["env", "linked"]):
        argv = [str(tmp_path / folder / "bin" / "python3"), "-I", "-S", str(PROGRAM), *words]
        answer = asked(argv, isolation="bubblewrap")
        assert isinstance(answer, Generated), answer


@needs_bubblewrap
def test_auto_isolates_and_falls_back_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"argv": script("print(1)"), "output": "{clip}.avi"}

    def about() -> str:
        return str(subject_of("generator", "command", given).build().about)

    assert about() == "isolated by bubblewrap: own files and processes, no network"
    monkeypatch.setattr(isolation.Isolation, "wrapped", lambda *_: ["bwrap", "--", "x"])
    assert "does not start in bubblewrap): a process with limits" in about()
    assert about().startswith("not isolated (python")


@pytest.mark.slow
def test_the_result_says_how_a_row_was_isolated(tmp_path: Path) -> None:
    words = ["--out", "{out}", "--frames", "{frames}", "--size", "{size}"]
    argv = json.dumps([sys.executable, "-I", "-S", str(PROGRAM), *words])
    line = f"  echo: {{generator: command, resolution: 32, isolation: none, output: '{{clip}}.avi', argv: {argv}}}"
    text = SUITE.replace("  echo: {generator: toy-echo, resolution: 32}", line)
    result = start(tmp_path, text).both()["echo"]
    assert result.system.about.startswith("not isolated")


def test_bubblewrap_asked_for_and_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    from thbench.errors import UserError

    monkeypatch.setattr(isolation, "works", lambda: False)
    assert isolation.chosen_kind("auto") == ("process", "bubblewrap does not work here")
    with pytest.raises(UserError, match="bubblewrap does not work here"):
        isolation.chosen_kind("bubblewrap")
