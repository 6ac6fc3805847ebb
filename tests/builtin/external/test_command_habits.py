"""The generator `command` with programs as they are: where they write, what they leave, what they print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quirky import LOADER, reason, request
from thbench.api import Generated, Request, UserError
from thbench.testing.subject import subject_of
from thbench.video import MediaReader

GIVEN = ["--image", "{identity}", "--audio", "{audio}", "--frames", "{frames}", "--size", "{size}"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The program's own folder, with weights and a result of an earlier day."""
    folder = tmp_path / "Program"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "model.pth").write_bytes(b"weights")
    (folder / "results").mkdir()
    (folder / "results" / "old.avi").write_bytes(b"old")
    os.utime(folder / "results" / "old.avi", (1e9, 1e9))
    return folder


@pytest.fixture
def ask(root: Path) -> Callable[..., list[Any]]:
    def asking(*requests: Request, habit: str = "plain", **options: Any) -> list[Any]:
        argv = options.pop("argv", [*GIVEN, "--habit", habit])
        given = {
            "argv": [sys.executable, "-I", "-S", "-c", LOADER, *argv],
            "root": str(root),
            "isolation": "none",
            **options,
        }
        answers = []
        for answer in subject_of("generator", "command", given).build().generate(requests):
            if isinstance(answer, Generated) and answer.file:
                answers.append(MediaReader().read(answer.file).frames)
            else:
                answers.append(answer)
        return answers

    return asking


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


COLLECT = ["{root}/results/**/{clip}*.avi"]


@pytest.mark.parametrize("habit", ["plain", "dated", "two", "asks"])
def test_a_video_in_the_programs_own_folder_is_found_and_nothing_stays(
    root: Path, ask, habit: str
) -> None:
    before = files(root)
    more = {"stdin": "y\n"} if habit == "asks" else {}
    first, second = ask(request(1), request(2), habit=habit, collect=COLLECT, **more)
    assert first.shape == second.shape == (5, 32, 32, 3)
    assert not (first == second).all(), "each clip has its own video"
    assert files(root) == before


def test_a_program_that_asks_finds_the_end_of_its_input(ask) -> None:
    assert "EOFError" in reason(ask(request(), habit="asks", collect=COLLECT)[0])


def test_what_else_a_call_leaves_is_removed_where_it_is_declared(root: Path, ask) -> None:
    before = files(root)
    ask(request(), habit="litter", collect=COLLECT)
    assert files(root) == sorted([*before, "temp", "temp/mel.bin", "temp/result.avi"])
    for path in (root / "temp").iterdir():
        path.unlink()
    (root / "temp").rmdir()
    ask(request(), habit="litter", collect=COLLECT, clean=["{root}/temp/*"])
    assert set(files(root)) - {"temp"} == set(before)


def test_files_of_a_failed_call_go_too(root: Path, ask) -> None:
    before = files(root)
    found = reason(ask(request(), habit="half", collect=COLLECT)[0])
    assert "truncated" in found
    assert files(root) == before


def test_the_message_says_where_it_looked_and_what_it_found(root: Path, ask) -> None:
    found = reason(ask(request(), habit="plain")[0])
    assert "wrote no .mp4 file; looked for {out_folder}/{clip}.mp4" in found
    assert "found {root}/results/video.avi: set collect" in found
    [left] = set((root / "results").glob("*.avi")) - {root / "results" / "old.avi"}
    os.utime(left, (0, 0))  # or it may be of the next call: times are coarse
    found = reason(ask(request(), habit="nothing", collect=COLLECT)[0])
    assert "looked for {root}/results/**/{clip}*.avi; found nothing new" in found
    assert found.endswith("Error occurred during processing: no face")


def test_the_name_of_another_clip_is_no_answer(root: Path, ask) -> None:
    first, second = ask(request(1), request(2), habit="previous", collect=COLLECT)
    for answer in (first, second):
        assert "found {root}/results/previous.avi" in reason(answer)
    assert (root / "results" / "previous.avi").exists(), "it is not declared: it stays"


def test_an_old_result_is_never_taken(root: Path, ask) -> None:
    found = reason(ask(request(), habit="nothing", collect=["{root}/results/*.avi"])[0])
    assert "found nothing new" in found
    assert (root / "results" / "old.avi").read_bytes() == b"old"


def test_of_a_progress_bar_only_what_a_terminal_shows_is_said(ask) -> None:
    found = reason(ask(request(), habit="bar")[0])
    assert "ended with exit code 3" in found and found.endswith("RuntimeError: out of luck")
    assert found.count("%") <= 1


def test_a_home_of_its_own(tmp_path: Path, ask, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "me"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for kind, times in (("kept", 2), ("fresh", 0)):
        ask(request(1), request(2), habit="home", collect=COLLECT, home=kind)
        kept = Path(os.environ["THBENCH_CACHE"]).resolve()
        marks = list(kept.rglob("downloads.txt"))
        assert [len(p.read_text().split()) for p in marks] == ([times] if kind == "kept" else [2])
        assert files(home) == []
    ask(request(), habit="home", collect=COLLECT)
    assert files(home) == [".cache", ".cache/quirky", ".cache/quirky/downloads.txt"]


def test_it_is_started_where_it_wants_to_be(root: Path, ask) -> None:
    (root / "scripts").mkdir()
    frames = ask(request(), cwd="{root}/scripts", collect=["{root}/scripts/results/{clip}.avi"])[0]
    assert frames.shape == (5, 32, 32, 3)
    frames = ask(request(), cwd="{folder}", collect=["{folder}/results/{clip}.avi"])[0]
    assert frames.shape == (5, 32, 32, 3)


def test_one_list_for_all(root: Path, ask) -> None:
    more = {"each": "{identity}|{frames}|{size}", "call": "batch", "collect": COLLECT}
    answers = ask(request(1), request(2, n=7), argv=["--list", "{list}"], **more)
    assert [len(a) for a in answers] == [5, 7]
    assert not (answers[0][0] == answers[1][0]).all()


def test_a_settings_file_that_completes_the_programs_own(root: Path, ask) -> None:
    (root / "base.yaml").write_text("weights: a.pth\ncases: {theirs: 1}\n")
    code = "import sys, pathlib; pathlib.Path('seen').write_text(open(sys.argv[1]).read())"
    given = {
        "argv": [sys.executable, "-c", code, "{config}"],
        "root": str(root),
        "isolation": "none",
        "config_base": "base.yaml",
        "config": 'cases: {"{identity}": {frames}}',
        "config_name": "config.json",
    }
    list(subject_of("generator", "command", given).build().generate([request()]))
    seen = json.loads((root / "seen").read_text())
    assert seen["weights"] == "a.pth"
    assert list(seen["cases"].values()) == [5]
    given["config_base"] = "absent.yaml"
    with pytest.raises(UserError, match="config_base names a settings file"):
        list(subject_of("generator", "command", given).build().generate([request()]))


def test_a_clip_is_asked_for_again_where_its_call_failed(root: Path, ask) -> None:
    code = (
        "import pathlib, sys; tried = pathlib.Path('tried'); n = len(tried.read_text()) if "
        "tried.exists() else 0; tried.write_text('x' * (n + 1))\nif n < 2: sys.exit('flaky')"
    )
    argv = [sys.executable, "-c", code]
    given = {"argv": argv, "root": str(root), "retries": 1, "isolation": "none"}
    (answer,) = subject_of("generator", "command", given).build().generate([request()])
    assert reason(answer).endswith("flaky (2 attempts)")
    (root / "tried").unlink()
    ok = f"{code}\nimport runpy; sys.argv[0] = ''; exec({LOADER!r})"
    given |= {"argv": [sys.executable, "-c", ok, *GIVEN], "retries": 2, "collect": COLLECT}
    (answer,) = subject_of("generator", "command", given).build().generate([request()])
    assert list(answer.changes) == ["made at attempt 3"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"collect": ["results/*.mp4"]}, "begins with none of {out_folder}/, {folder}/, {root}/"),
        ({"collect": ["{root}/../*.mp4"]}, "leaves its folder"),
        (
            {"collect": ["{root}/*.mp4"], "call": "batch", "argv": ["x", "{requests}"]},
            "needs {clip}",
        ),
        ({"cwd": "{clip}"}, "no {clip} here"),
        ({"argv": ["x", "{list}"], "call": "batch"}, "need each"),
        ({"runtime": "docker"}, "needs image"),
        ({"image": "x"}, "needs image"),
        ({"retries": -1}, "must not be negative"),
        ({"call": "session", "argv": ["x", "{identity}"]}, "no {identity} here"),
        ({"call": "session", "stdin": "y"}, "takes no stdin"),
        ({"config_base": "a.yaml"}, "give both"),
    ],
)
def test_wrong_options_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as caught:
        subject_of("generator", "command", {"argv": ["x"], **given})
    assert says in str(caught.value)


def test_too_much_below_a_declared_folder_is_refused(root: Path, ask, monkeypatch) -> None:
    monkeypatch.setattr("thbench_external.collect._MOST", 2)
    with pytest.raises(UserError, match="name a folder below it"):
        ask(request(), collect=["{root}/**/{clip}.avi"])


def test_folders_of_pictures_and_sounds_and_a_start_among_the_inputs(tmp_path: Path) -> None:
    """As AudioMouth wants it: every sound of a folder, settings where it is started, pictures with alpha."""
    code = (
        "import json, os, pathlib, sys; config = json.load(open('config.json')); "
        "seen = {k: sorted(os.listdir(v)) for k, v in config.items()}; "
        "seen['png'] = pathlib.Path(config['pictures'], os.listdir(config['pictures'])[0]).read_bytes()[25]; "
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(json.dumps(seen))"
    )
    given = {
        "argv": [sys.executable, "-I", "-S", "-c", code],
        "cwd": "{in}",
        "alpha": True,
        "config": '{"pictures": "{pictures}", "sounds": "{sounds}"}',
        "config_name": "config.json",
        "isolation": "none",
    }
    (answer,) = subject_of("generator", "command", given).build().generate([request()])
    seen = json.loads((tmp_path / "seen").read_text()) if (tmp_path / "seen").exists() else answer
    assert [Path(n).suffix for n in seen["pictures"]] == [".png"]
    assert [Path(n).suffix for n in seen["sounds"]] == [".wav"]
    assert seen["png"] == 6, "colour type 6 of PNG: RGB with alpha"
