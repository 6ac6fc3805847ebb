"""The generator `command`: programs of other environments, and everything they may do wrong."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from paths import ROOT
from runs import start
from thbench.api import Failure, Generated, Request, TrainedOn
from thbench.errors import UserError
from thbench.testing import check_generator, material_from
from thbench.testing.subject import subject_of
from thbench.video import MediaReader, read_wav
from waiting import at_rest, until

PROGRAM = ROOT / "tests" / "support" / "fake_program.py"
ONE = ["--out", "{out}", "--frames", "{frames}", "--size", "{size}"]
AVI = "{clip}.avi"


def request(n: int = 5, size: int = 32, clip_id: str = "1001_AAA", seed: int = 7) -> Request:
    frame = np.arange(size * size * 3, dtype=np.uint8).reshape(size, size, 3)
    audio = np.arange(n * 640, dtype=np.int16)
    return Request(clip_id, frame, audio, n, size, seed)


def ours(*words: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(PROGRAM), *words]  # without numpy, which is slow


def options(argv: list[str] | None = None, **others: Any) -> dict[str, Any]:
    """Without isolation: the programs here tell what they saw in files outside of their workspace."""
    return {"argv": argv or ours(*ONE), "output": AVI, "isolation": "none", **others}


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., list[Any]]:
    """Answers of the generator with these options; videos are read while they exist."""

    def asking(given: dict[str, Any], *requests: Request) -> list[Any]:
        answers = []
        for answer in subject_of("generator", "command", given).build().generate(requests):
            if isinstance(answer, Generated) and answer.file:
                recording = MediaReader().read(answer.file)
                answer = SimpleNamespace(clip_id=answer.clip_id, frames=recording.frames)
            answers.append(answer)
        return answers

    return asking


def reason(answer: Any) -> str:
    assert isinstance(answer, Failure), answer
    return answer.reason


def test_a_video_is_adopted_as_it_is(ask) -> None:
    (answer,) = ask(options(), request())
    assert answer.clip_id == "1001_AAA"
    assert answer.frames.shape == (5, 32, 32, 3)


def test_a_program_in_another_environment_with_another_numpy(tmp_path: Path, ask) -> None:
    venv = tmp_path / "theirs"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "numpy").mkdir()
    (site / "numpy" / "__init__.py").write_text("__version__ = '1.26.4'\n")
    python = venv / "bin" / "python"
    given = options(["{python}", str(PROGRAM), *ONE], python=str(python))
    (answer,) = ask(given, request())
    assert np.__version__ != "1.26.4"
    assert answer.frames[0, 0, 0].tolist() == [10, 26, 4]


def test_what_the_program_sees(tmp_path: Path, ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("WANTED", "y")
    record = tmp_path / "record"
    probe = (
        "import json,os,sys,pathlib as p;i=p.Path(sys.argv[1]);"
        "print(json.dumps({'requests': i.read_text(), 'files': {q.name: q.read_bytes().hex() "
        "for q in i.parent.iterdir()}, 'mode': os.stat(i.parent.parent).st_mode, "
        "'tree': [str(q) for q in i.parent.parent.rglob('*')], 'env': dict(os.environ), "
        "'seed': sys.argv[3]}), file=open(sys.argv[2], 'w'))"
    )
    argv = [sys.executable, "-c", probe, "{requests}", str(record), "{seed}"]
    given = options(argv, env={"MODEL": "small"}, keep_env=["WANTED"])
    asked = request(seed=2**64 - 1)
    reason(ask(given, asked)[0])
    seen = json.loads(record.read_text())
    line = json.loads(seen["requests"])
    assert (line["frames"], line["fps"], line["size"], line["seed"]) == (5, 25, 32, 2**64 - 1)
    assert seen["seed"] == str(2**64 - 1)
    assert "1001" not in seen["requests"] + " ".join(seen["tree"])
    assert stat.S_IMODE(seen["mode"]) == 0o700
    assert (seen["env"]["MODEL"], seen["env"]["WANTED"]) == ("small", "y")
    assert not {"SECRET", "PYTHONPATH", "THBENCH_CACHE"} & seen["env"].keys()
    files = {Path(name).suffix: bytes.fromhex(data) for name, data in seen["files"].items()}
    png, wav = tmp_path / "a.png", tmp_path / "a.wav"
    png.write_bytes(files[".png"])
    wav.write_bytes(files[".wav"])
    assert (cv2.imread(str(png))[..., ::-1] == asked.identity_frame).all()
    assert (read_wav(wav) == asked.audio).all()
    assert not Path(line["out"]).parent.parent.exists()


def test_paths_have_one_dot(tmp_path: Path, ask) -> None:
    """Wav2Lip takes what follows the first dot of a path for its suffix."""
    record = tmp_path / "record"
    ask(options(ours(*ONE, "--record", str(record), "--requests", "{audio}")), request())
    argv = json.loads(record.read_text())["argv"]
    assert argv[argv.index("--out") + 1].count(".") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "more", "says"),
    [
        ("die", {}, "ended with exit code 1: RuntimeError: CUDA out of luck"),
        ("kill", {}, "was killed by SIGKILL, and said nothing"),
        ("nothing", {}, "the program wrote no .avi file"),
        ("half", {}, "video.avi: truncated"),
        ("rubbish", {}, "video.avi: undecodable"),
        ("link", {}, "delivered a link"),
        ("hard link", {}, "a hard link"),
        ("outside", {}, "the program wrote no .avi file"),
        ("folder link", {}, "through a link out of its folder"),
        ("pipe", {}, "no regular file"),
        ("folder", {}, "no regular file"),
        ("long", {}, "2005 frames, 5 needed"),
        ("long", {"length": "trim"}, "2005 frames, 5 needed, 50 more or less"),
        ("size", {}, "64 x 64 px, 32 x 32 needed"),
        ("memory", {"memory_mb": 1000}, "MemoryError"),
        ("disk", {"file_mb": 10}, "File too large"),
        ("hang", {"timeout": 1.0}, "the program took over 1 s: thinking ..."),
    ],
)
def test_what_goes_wrong_is_a_failure_with_its_reason(
    tmp_path: Path, ask, fault: str, more: dict[str, Any], says: str
) -> None:
    argv = ours(*ONE, "--fault", fault, "--elsewhere", str(tmp_path))
    found = reason(ask(options(argv, **more), request())[0])
    assert says in found
    assert "\x1b" not in found and "thbench-" not in found


def test_nothing_of_a_video_that_is_far_too_long_is_decoded(
    tmp_path: Path, ask, monkeypatch
) -> None:
    monkeypatch.setattr("thbench.video.reader.MediaReader.frames", None)
    argv = ours(*ONE, "--fault", "long")
    assert "2005 frames" in reason(ask(options(argv, length="trim", sound="request"), request())[0])


@pytest.mark.slow
def test_a_timeout_ends_the_whole_process_group(tmp_path: Path, ask) -> None:
    argv, beat = ours(*ONE, "--fault", "hang", "--elsewhere", str(tmp_path)), tmp_path / "beat"
    for seconds in (1.0, 10.0, 100.0):  # on a busy machine a program may not have started in one
        assert f"took over {seconds:.0f} s" in reason(
            ask(options(argv, timeout=seconds), request())[0]
        )
        if beat.exists():
            break
    last = beat.read_text()
    time.sleep(0.3)
    assert beat.read_text() == last


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a child's death signal is Linux's")
def test_the_program_dies_with_a_thbench_that_is_killed(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    program = (
        f"import time, pathlib\nwhile True: pathlib.Path({str(beat)!r})"
        ".write_text(str(time.time())); time.sleep(0.05)"
    )
    given = options([sys.executable, "-I", "-S", "-c", program])
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}\n"
        "from test_command_generator import request, subject_of\n"
        f"list(subject_of('generator', 'command', {given!r}).build().generate([request()]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        until(beat.exists)
    finally:
        process.kill()
        process.wait()
    assert at_rest(beat.read_text)


def test_what_it_printed_is_kept(tmp_path: Path, ask) -> None:
    ask(options(ours(*ONE, "--fault", "die")), request(clip_id="Ä/../1001"))
    (log,) = Path(os.environ["THBENCH_CACHE"]).rglob("logs/*/*.txt")
    assert "CUDA out of luck" in log.read_text()
    assert log.name == "_c4_2f_2e_2e_2f1001.txt"


def test_no_folder_is_left(tmp_path: Path, ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ask(options(), request())
    ask(options(ours(*ONE, "--fault", "die")), request())
    assert list(tmp_path.iterdir()) == []


def test_one_call_for_a_batch(tmp_path: Path, ask) -> None:
    record = tmp_path / "record"
    argv = ours("--requests", "{requests}", "--record", str(record))
    given = options(argv, call="batch")
    answers = ask(given, request(5), request(6, clip_id="1002_BBB"), request(5, clip_id="1003_CCC"))
    assert [len(a.frames) for a in answers] == [5, 6, 5]
    assert [a.clip_id for a in answers] == ["1001_AAA", "1002_BBB", "1003_CCC"]
    assert len(record.read_text().splitlines()) == 1


def test_a_batch_that_fails_is_left_to_be_retried_one_by_one(ask) -> None:
    given = options(ours("--requests", "{requests}", "--fault", "die"), call="batch")
    with pytest.raises(RuntimeError, match="CUDA out of luck"):
        ask(given, request(5), request(6))
    assert "CUDA out of luck" in reason(ask(given, request(5))[0])


@pytest.mark.slow
def test_exclusive_calls_never_overlap(tmp_path: Path, ask) -> None:
    log = tmp_path / "log"
    code = (
        f"import time; f = open({str(log)!r}, 'a', 1); print('start', file=f); time.sleep(0.4); "
        "print('end', file=f)"
    )
    given = options([sys.executable, "-I", "-S", "-c", code], exclusive=True)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda n: ask(given, request(n)), (3, 4, 5)))
    assert log.read_text().split() == ["start", "end"] * 3


def test_an_oracle_is_handed_over(tmp_path: Path, ask) -> None:
    code = (
        "import json,shutil,sys; line = json.loads(open(sys.argv[1]).readline()); "
        f"assert line['oracle'] == sys.argv[2]; shutil.copy(line['oracle'], {str(tmp_path)!r})"
    )
    marks = np.ones((5, 68, 2), np.float32)
    asked = replace(request(), oracle={"landmarks": marks})
    found = ask(options([sys.executable, "-c", code, "{requests}", "{oracle}"]), asked)
    assert "wrote no .avi file" in reason(found[0])
    (file,) = tmp_path.glob("*.npz")
    with np.load(file, allow_pickle=False) as arrays:
        assert (arrays["landmarks"] == marks).all()


def test_a_name_the_program_chose(ask) -> None:
    given = options(output="*.avi")
    given["argv"] = [*ours(*ONE[2:]), "--out", "{out_folder}/2026_11.23.avi"]
    assert ask(given, request())[0].frames.shape == (5, 32, 32, 3)
    given["output"] = "*.mp4"
    found = reason(ask(given, request())[0])
    assert "wrote no *.mp4; looked for {out_folder}/*.mp4" in found
    assert "found {out_folder}/2026_11.23.avi, and said nothing" in found


def test_a_settings_file(tmp_path: Path, ask) -> None:
    record = tmp_path / "seen"
    copy = f"import shutil,sys; shutil.copy(sys.argv[1], {str(record)!r})"
    given = options(
        [sys.executable, "-c", copy, "{config}"],
        config='{"task": {"face": "{identity}", "sound": "{audio}", "n": {frames}}}',
        config_name="task.json",
    )
    ask(given, request())
    task = json.loads(record.read_text())["task"]
    assert task["n"] == 5
    assert (Path(task["face"]).suffix, Path(task["sound"]).suffix) == (".png", ".wav")


def test_a_still_video_where_one_is_asked_for(tmp_path: Path, ask) -> None:
    copy = f"import shutil,sys; shutil.copy(sys.argv[1], {str(tmp_path / 'still.mp4')!r})"
    ask(options([sys.executable, "-c", copy, "{video}"]), request())
    recording = MediaReader().read(tmp_path / "still.mp4")
    assert recording.frames.shape == (5, 32, 32, 3)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"argv": ["x", "{wave}"]}, "no {wave} here: known: requests"),
        ({"argv": ["x", "{audo}"]}, "did you mean {audio}"),
        ({"argv": ["x", "{config}"]}, "no config is given"),
        ({"argv": ["x", "{identity}"], "call": "batch"}, "no {identity} here"),
        ({"argv": ["x"], "call": "batch"}, "needs {requests}"),
        ({"argv": ["x", "{out}"], "output": "*.mp4"}, "use {out_folder}"),
        ({"argv": ["x"], "output": "../x.mp4"}, "leaves its folder"),
        ({"argv": ["x"], "output": "/x.mp4"}, "leaves its folder"),
        ({"argv": ["x"], "config_name": "../../x"}, "leaves its folder"),
        ({"argv": ["x"], "timeout": 0.0}, "timeout must be positive"),
        ({"argv": "x {out}"}, "argv"),
    ],
)
def test_wrong_options_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as caught:
        subject_of("generator", "command", given)
    assert says in str(caught.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    given = {
        "argv": ["{python}", "{root}/run.py"],
        "root": str(tmp_path),
        "sha256": {"model.pth": "0" * 64},
    }
    subject = subject_of("generator", "command", given)
    missing = [m.what for m in subject.plugin.missing(subject.options)]
    assert missing == ["python of the program", f"model.pth in {tmp_path}"]
    subject = subject_of("generator", "command", {"argv": ["no-such-program", "x"]})
    assert [m.what for m in subject.plugin.missing(subject.options)] == ["program no-such-program"]


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(b"other")
    given = options(root=str(tmp_path), sha256={"model.pth": "0" * 64})
    with pytest.raises(UserError, match="this is another system"):
        subject_of("generator", "command", given).build()


def test_training_is_declared() -> None:
    given = options(trained_on="crema_d", trained_actors=[1001, "1002"])
    built = subject_of("generator", "command", given).build()
    assert built.trained_on == TrainedOn("crema_d", frozenset({"1001", "1002"}))


@pytest.mark.slow
def test_conformance(tmp_path: Path) -> None:
    file = tmp_path / "toys.yaml"
    file.write_text("schema: 1\nname: toys\ndataset: {name: toy}\nsplit: all\nresolutions: [32]\n")
    check_generator("command", options(), suite=file)


@pytest.mark.slow
def test_a_run_goes_on_whatever_one_program_does(tmp_path: Path) -> None:
    systems = {}
    for fault in ("none", "die", "hang", "half", "link", "outside", "long"):
        argv = ours(*ONE, "--fault", fault, "--elsewhere", str(tmp_path))
        systems[fault] = {"generator": "command", "resolution": 32, "timeout": 1.0, **options(argv)}
        systems[fault]["timeout"] = 1.0 if fault == "hang" else 60.0
    suite = {
        "schema": 1,
        "name": "toys",
        "dataset": {"name": "toy"},
        "split": "all",
        "limits": {"clips": 2},
        "systems": systems,
        "metrics": ["toy-brightness"],
        "controls": ["ground-truth"],
    }
    results = start(tmp_path, yaml.safe_dump(suite)).both()
    assert results["none"].clips.generated == 2
    for fault in systems.keys() - {"none"}:
        assert (results[fault].clips.generated, results[fault].clips.failed) == (0, 2), fault
        assert len(results[fault].clips.failures) == 1, "one reason for both clips"


def test_material_of_ones_own() -> None:
    from thbench.api import Clip, Source

    source = Source(np.zeros((4, 16, 16, 3), np.uint8), np.zeros(2560, np.int16))
    assert material_from([(Clip("a", "1"), source)]).size == 16
