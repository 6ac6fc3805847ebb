"""A rater in the browser: goes through a study's page as a person does, and hands in the file it saves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chromium import Page

Decide = Callable[[str, Sequence[str], str], Any]
"""(trial, files shown, question) -> `left`, `right`, `tie`, or 1 to 5."""

STORED = "JSON.stringify(localStorage)"


def begin(page: Page, address: str, counts: Mapping[str, int], stop: int | None = None) -> None:
    """From the first screen to the first trial; `counts`: sound -> beeps that are answered.

    stop  the number of beep sounds to answer at most
    """
    page.open(address)
    page.click("#start")
    if not counts:
        return
    _play(page)
    page.wait("!document.querySelector('#heard').disabled")
    page.click("#heard")
    for sound in list(counts)[:stop]:
        _play(page)
        page.wait("!document.querySelector('[data-count]').disabled")
        page.click(f"[data-count='{counts[sound]}']")


def _play(page: Page) -> None:
    page.wait("document.querySelector('#play') && !document.querySelector('#play').disabled")
    page.click("#play")


def names(page: Page) -> tuple[str, list[str]]:
    """The trial that is on the screen, and its files."""
    state = "JSON.parse(localStorage.getItem('thbench-study-' + D.study))"
    script = (
        "(() => { const D = JSON.parse(document.getElementById('data').textContent);"
        f"const s = {state}; return D.lists[s.list][s.answers.length]; }})()"
    )
    trial = page.run(script)
    return trial["id"], list(trial["videos"])


def answer(page: Page, decide: Decide, questions: Sequence[str], keys: bool = False) -> str:
    """Watch one trial to the end and answer it; with `keys` by keyboard alone."""
    trial, files = names(page)
    pair = len(files) == 2
    starts = page.run("[...document.querySelectorAll('.video button')].map(b => b.id)")
    for number, start in enumerate(starts, 1):
        page.wait(f"!document.getElementById('{start}').disabled")
        if keys:
            page.key(str(number) if len(starts) == 2 else " ", 48 + number)
        else:
            page.click(f"#{start}")
        if len(starts) == 2 and number == 1:
            page.wait("document.querySelectorAll('video')[0].ended")
    page.wait(f"!document.querySelector('[data-question=\"{questions[0]}\"]').disabled")
    for question in questions:
        given = decide(trial, files, question)
        if keys:
            code = {"left": "ArrowLeft", "tie": "ArrowDown", "right": "ArrowRight"}
            page.key(code[given] if pair else str(given), 37)
        else:
            page.click(f"[data-question='{question}'][data-answer='{given}']")
    page.wait("!document.querySelector('#next').disabled")
    if keys:
        page.key("Enter", 13)
    else:
        page.click("#next")
    return trial


def finish(page: Page) -> dict[str, Any]:
    """The ballot as the page would save it."""
    page.wait("document.querySelector('textarea')")
    found: dict[str, Any] = json.loads(page.run("document.querySelector('textarea').value"))
    return found


def downloaded(page: Page, folder: Path) -> Path:
    """Press the button that saves the file, and wait for it."""
    where = {"behavior": "allow", "downloadPath": str(folder)}
    page.call("Page.setDownloadBehavior", where)
    page.click("#download")
    for _ in range(200):
        found = [p for p in folder.glob("answers-*.json") if p.stat().st_size]
        if found:
            return found[0]
        page.run("new Promise(done => setTimeout(done, 50))")
    raise TimeoutError("nothing was saved")


def kept(page: Page, address: str) -> bool:
    """Load the page again: whether it has what was stored.

    Chromium gives some pages from a disk (one in ten, in new processes) a storage that is empty
    and is not kept; what lies in the right one is found by loading again.
    """
    stored = page.run(STORED)
    for _ in range(10):
        page.open(address)
        if page.run(STORED) == stored:
            return True
    return False
