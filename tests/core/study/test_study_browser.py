"""The study's page in a real browser: by mouse, by keyboard, on a phone, from a disk and from a server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chromium import Page, violations
from study_rater import answer, begin, downloaded, finish, kept, names
from thbench.engines.local import LocalEngine
from thbench.study.form import Ballot, StudyKey, checksum, read_key, unsigned
from thbench.study.make import Asked, make
from thbench.study.material import material_of
from thbench.study.page import write_page
from thbench.study.wording import LANGUAGES, wording


@pytest.fixture(scope="module")
def short(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One list of two pairs and two catch trials, without the headphone check."""
    out = tmp_path_factory.mktemp("short") / "study"
    asked = Asked(
        questions=("sync", "overall"), trials=2, lists=1, catch=2, seconds=0.24, headphones=False
    )
    make(material_of(finished_run, (), False, None, 1), asked, out, LocalEngine(1))
    return out


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """Whatever a test did, nothing was complained of and nothing was asked of strangers."""
    yield browser
    assert browser.problems == []
    assert not [
        r
        for r in browser.requests
        if not r.startswith(("file:", "blob:", "about:", "http://127.0.0.1"))
    ]


def check(ballot: dict[str, Any], key: StudyKey) -> Ballot:
    """A ballot as `collect` reads it, of this study, with its sum right."""
    found = Ballot.model_validate_json(json.dumps(ballot), strict=True)
    assert found.study == key.study
    assert found.check == checksum(unsigned(ballot))
    assert [a.trial for a in found.answers] == list(key.lists[found.list])
    return found


def always(_trial: str, _files: object, question: str) -> str:
    return "left" if question == "sync" else "tie"


@pytest.mark.slow
def test_from_a_disk_by_mouse_with_a_reload_in_the_middle(
    page: Page, short: Path, tmp_path: Path
) -> None:
    key, address = read_key(short / "key.json"), (short / "site/index.html").as_uri()
    for _ in range(10):
        begin(page, address, {})
        first = answer(page, always, key.questions)
        second, _ = names(page)
        if kept(page, address):
            break
    else:
        raise AssertionError("nothing was stored")
    assert names(page)[0] == second != first
    for _ in range(3):
        answer(page, always, key.questions)
    found = check(json.loads(downloaded(page, tmp_path).read_text()), key)
    assert [dict(a.answers) for a in found.answers] == [{"sync": "left", "overall": "tie"}] * 4
    assert all(a.plays == (1, 1) for a in found.answers)
    assert all(a.milliseconds >= key.trials[a.trial].milliseconds - 100 for a in found.answers)
    assert kept(page, address)
    assert finish(page)["rater"] == found.rater


@pytest.mark.slow
def test_by_keyboard_alone(page: Page, short: Path) -> None:
    key, address = read_key(short / "key.json"), (short / "site/index.html").as_uri()
    begin(page, address, {})
    for _ in range(4):
        answer(
            page,
            lambda _t, _f, question: "right" if question == "sync" else "tie",
            key.questions,
            keys=True,
        )
    found = check(finish(page), key)
    assert {a.answers["sync"] for a in found.answers} == {"right"}


def test_nothing_can_be_answered_before_both_were_watched(page: Page, short: Path) -> None:
    address = (short / "site/index.html").as_uri()
    begin(page, address, {})
    page.wait("!document.querySelector('#play-a').disabled")
    assert page.run("document.querySelectorAll('[data-answer]:enabled').length") == 0
    page.key("ArrowLeft", 37)
    page.key("Enter", 13)
    page.click("#play-a")
    page.wait("document.querySelectorAll('video')[0].ended")
    assert page.run("document.querySelectorAll('[data-answer]:enabled').length") == 0
    assert page.run("document.querySelector('progress').value") == 0


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1400])
def test_every_screen_is_accessible_and_fits(page: Page, short: Path, width: int) -> None:
    key, address = read_key(short / "key.json"), (short / "site/index.html").as_uri()
    page.size(width, 844)
    found = []

    def look() -> None:
        assert page.run("document.documentElement.scrollWidth") <= width
        found.append(violations(page))

    page.open(address)
    look()
    begin(page, address, {})
    answer(page, always, key.questions)
    look()
    for _ in range(3):
        answer(page, always, key.questions)
    finish(page)
    look()
    assert found == [[], [], []]


def test_the_language_can_be_chosen(page: Page, short: Path) -> None:
    address = (short / "site/index.html").as_uri()
    words = wording(LANGUAGES, ("sync", "overall"), None)
    page.open(address)
    for language in LANGUAGES:
        page.run(
            f"(() => {{ const s = document.getElementById('language'); s.value = '{language}';"
            "s.dispatchEvent(new Event('change')); })()"
        )
        assert page.run("document.documentElement.lang") == language
        assert page.run("document.getElementById('start').textContent") == words[language]["start"]


class Served(SimpleHTTPRequestHandler):
    """Sends slowly, and writes down when a file had been sent whole, and what was posted."""

    sent: dict[str, float]
    posted: list[bytes]

    def copyfile(self, source: Any, outputfile: Any) -> None:
        while block := source.read(1024):
            outputfile.write(block)
            time.sleep(0.02)
        self.sent[self.path] = time.time()

    def do_POST(self) -> None:
        self.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(short: Path, tmp_path: Path) -> Iterator[tuple[str, type[Served]]]:
    handler = type("Here", (Served,), {"sent": {}, "posted": []})
    site = short / "site"
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0),
        lambda *a: handler(*a, directory=str(site)),  # type: ignore[arg-type]
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    key = read_key(short / "key.json")
    before = (site / "index.html").read_bytes()
    write_page(site, key, wording(("en",), key.questions, None), f"{address}/answers")
    yield f"{address}/index.html", handler
    (site / "index.html").write_bytes(before)
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_from_a_server_files_are_whole_before_anything_plays_and_answers_arrive(
    page: Page, short: Path, served: tuple[str, type[Served]]
) -> None:
    """Loading takes the same of every video: equal bytes, all of them, of both sides, before the first picture."""
    address, handler = served
    key = read_key(short / "key.json")
    page.call("Network.setCacheDisabled", {"cacheDisabled": True})
    begin(page, address, {})
    _, files = names(page)
    page.wait("!document.querySelector('#play-a').disabled")
    enabled = time.time()
    for name in files:
        assert handler.sent[f"/v/{name}.mp4"] <= enabled, name
    sizes = page.run(
        "Promise.all([...document.querySelectorAll('video')].map(v => fetch(v.src).then(a => a.blob()).then(b => b.size)))"
        " .catch(() => [])"
    )
    assert (
        sizes == [] or len(set(sizes)) == 1
    )  # the policy may keep scripts from reading their own blobs
    page.problems.clear()
    for _ in range(4):
        answer(page, always, key.questions)
    page.click("#send")
    page.wait("document.getElementById('said').textContent.includes('arrived')")
    (posted,) = handler.posted
    check(json.loads(posted), key)
    page.call("Network.setCacheDisabled", {"cacheDisabled": False})


@pytest.mark.slow
def test_beeps_are_counted_first(page: Page, study_folder: Path, study_key: StudyKey) -> None:
    address = (study_folder / "site/index.html").as_uri() + "?list=2"
    begin(page, address, dict(study_key.beeps))
    for _ in range(8):
        answer(page, lambda *_: "tie", study_key.questions)
    found = check(finish(page), study_key)
    assert {b.sound: b.count for b in found.beeps} == study_key.beeps
    assert found.list == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "layout"), [("2afc", "one-after-the-other"), ("mos", "side-by-side")]
)
def test_other_forms(
    page: Page, finished_run: Path, tmp_path: Path, form: str, layout: str
) -> None:
    asked = Asked(
        form=form, layout=layout, questions=("overall",), trials=2, lists=1, catch=2, seconds=0.2,  # type: ignore[arg-type]
        tie=form == "2afc", headphones=False,
    )  # fmt: skip
    make(material_of(finished_run, (), False, None, 1), asked, tmp_path / "s", LocalEngine(1))
    key, address = read_key(tmp_path / "s/key.json"), (tmp_path / "s/site/index.html").as_uri()
    begin(page, address, {})
    for keys in (True, False, True, False):
        answer(page, lambda *_: "left" if form == "2afc" else 4, key.questions, keys=keys)
    found = check(finish(page), key)
    assert {a.answers["overall"] for a in found.answers} == {"left" if form == "2afc" else 4}
