"""Programs that keep the model loaded: the line protocol, from thbench's side and as a check of theirs."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paths import ROOT
from quirky import LOADER, reason, request
from thbench.api import Generated
from thbench.testing import checks_for, run_checks
from thbench.testing.subject import subject_of
from thbench.video import MediaReader


def built(tmp_path: Path, habit: str = "plain", **options: Any) -> Any:
    given = {
        "argv": [sys.executable, "-I", "-S", "-c", LOADER, "--serve", "--habit", habit],
        "call": "session",
        "output": "{clip}.avi",
        "env": {"STARTS": str(tmp_path / "starts")},
        "isolation": "none",
        **options,
    }
    return subject_of("generator", "command", given).build()


def asked(generator: Any, *requests: Any) -> list[Any]:
    found = []
    for answer in generator.generate(requests):
        if isinstance(answer, Generated):
            found.append(MediaReader().read(answer.file).frames)
        else:
            found.append(answer)
    return found


def starts(tmp_path: Path) -> int:
    file = tmp_path / "starts"
    return len(file.read_text().split()) if file.exists() else 0


def test_it_is_started_once(tmp_path: Path) -> None:
    generator = built(tmp_path)
    answers = asked(generator, *(request(n, n=4 + n) for n in range(3)))
    answers += asked(generator, request(3, n=7))
    assert [len(a) for a in answers] == [4, 5, 6, 7]
    assert starts(tmp_path) == 1
    generator.close()


@pytest.mark.slow
def test_what_it_prints_is_no_answer_and_a_death_costs_one_clip(tmp_path: Path) -> None:
    answers = asked(built(tmp_path, "dies"), *(request(n) for n in range(4)))
    assert [type(a) is np.ndarray for a in answers] == [True, False, True, False]
    assert "ended with exit code 1" in reason(answers[1])
    assert "CUDA error: device-side assert" in reason(answers[1])
    assert starts(tmp_path) == 2


@pytest.mark.slow
def test_a_clip_that_hangs_is_given_up_and_the_next_one_is_made(tmp_path: Path) -> None:
    for seconds in (1.0, 10.0, 100.0):  # on a busy machine the others may take over one as well
        hanging = built(tmp_path, "hangs", timeout=seconds)
        answers = asked(hanging, request(1), request(2), request(3))
        assert f"took over {seconds:.0f} s" in reason(answers[1])
        if isinstance(answers[2], np.ndarray):
            break
    assert isinstance(answers[2], np.ndarray)


@pytest.mark.slow
def test_one_that_never_starts_is_not_waited_for_at_every_clip(tmp_path: Path) -> None:
    answers = asked(built(tmp_path, "no start"), *(request(n) for n in range(5)))
    assert all("no module named torch" in reason(a) for a in answers)
    assert [reason(a).endswith("(at its start)") for a in answers] == [
        False,
        False,
        True,
        True,
        True,
    ]
    (answer,) = asked(built(tmp_path, "slow start", start_timeout=1.0), request())
    assert "took over 1 s to get ready" in reason(answer)


def test_an_answer_about_another_clip_is_refused(tmp_path: Path) -> None:
    (answer,) = asked(built(tmp_path, "wrong clip"), request())
    assert 'answered {"thbench": "done", "clip": "another"}, asked for clip {clip}' in reason(
        answer
    )


def test_done_without_a_video(tmp_path: Path) -> None:
    (answer,) = asked(built(tmp_path, "nothing"), request())
    assert "wrote no .avi file; looked for {out_folder}/{clip}.avi; found nothing new" in reason(
        answer
    )


@pytest.mark.parametrize(
    ("habit", "says"),
    [
        ("plain", None),
        ("claims", "it says `done` where the picture does not exist"),
        ("wrong clip", "asked for clip check-0"),
        ("no start", "it does not get ready"),
        ("dies", "CUDA error"),
    ],
)
def test_the_protocol_is_checked(tmp_path: Path, habit: str, says: str | None) -> None:
    found = built(tmp_path, habit).check([request(1), request(2)])
    assert (found == []) if says is None else any(says in line for line in found)


def test_a_program_that_stays_after_the_last_line_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("thbench_external.session._FAREWELL", 0.5)
    assert built(tmp_path, "stays").check([request(1)]) == ["the program did not end within 0.5 s"]


@pytest.mark.slow
def test_thbench_check_speaks_the_protocol(tmp_path: Path) -> None:
    given = {
        "argv": [sys.executable, "-I", "-S", "-c", LOADER, "--serve", "--habit", "claims"],
        "call": "session",
        "output": "{clip}.avi",
        "env": {"STARTS": str(tmp_path / "starts")},
        "isolation": "none",
    }
    file = tmp_path / "toys.yaml"
    file.write_text("schema: 1\nname: toys\ndataset: {name: toy}\nsplit: all\nresolutions: [32]\n")
    outcomes = {
        o.title: o.error for o in run_checks(checks_for("generator", "command", given, suite=file))
    }
    assert "picture does not exist" in str(outcomes.pop("what it checks of itself holds"))
    assert {t: e for t, e in outcomes.items() if e} == {}


def test_the_documented_twenty_lines_keep_the_protocol(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    section = text[text.index("## Load once") :]
    code = re.search(r"```python\n(.*?)```", section, re.S)[1]
    assert len(code.strip().splitlines()) <= 20
    (tmp_path / "mymodel.py").write_text(
        textwrap.dedent(
            f"""\
            import sys
            sys.path.insert(0, {str(ROOT / "tests" / "support")!r})
            from quirky_program import video

            def load():
                return video

            def speak(model, image, sound, out, frames, size):
                with open(out, "wb") as file:
                    file.write(model(frames, size, image))
            """
        )
    )
    (tmp_path / "serve.py").write_text(code)
    given = {
        "argv": [sys.executable, "serve.py"],
        "root": str(tmp_path),
        "isolation": "none",
        "call": "session",
        "output": "{clip}.avi",
        "readable": [str(ROOT / "tests" / "support")],
    }
    generator = subject_of("generator", "command", given).build()
    assert generator.check([request(1), request(2)]) == []
    assert [len(a) for a in asked(generator, request(1), request(2, n=6))] == [5, 6]
