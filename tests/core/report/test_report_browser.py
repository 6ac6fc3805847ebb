"""The report in a real browser: players in step, finding, keyboard, nothing leaves the page."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from chromium import Page
from made import clip_ids, frame_in, made_run
from thbench.engines.local import LocalEngine
from thbench.report.page import Options, write_report
from waiting import until

SCRIPT = "<script>document.title='run'</script>"
CLIP = clip_ids(12)[0]
PLAYERS = f"#clip/{CLIP}"
READY = "thb.transport && thb.transport.videos.every(v => v.element.readyState >= 2) && !thb.transport.busy"


CONTRAST = """(() => {
  const light = c => { const v = c / 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
  const of = s => { const [r, g, b, a = 1] = s.match(/[0-9.]+/g).map(Number); return { l: .2126 * light(r) + .7152 * light(g) + .0722 * light(b), a }; };
  const behind = e => { for (; e; e = e.parentElement) { const c = of(getComputedStyle(e).backgroundColor); if (c.a > 0) return c.l; } return 1; };
  const bad = new Set();
  for (const e of document.querySelectorAll("body *")) {
    const words = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!words || !e.checkVisibility() || e.closest("svg") || e.classList.contains("off")) continue;
    const [a, b] = [of(getComputedStyle(e).color).l, behind(e)].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) bad.add(e.tagName + "." + e.className + ": " + e.textContent.slice(0, 30));
  }
  return [...bad];
})()"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(folder / "cache"))
        run = made_run(folder / "run", systems=["alpha", SCRIPT], n_clips=120, videos=2)
        page = write_report(run, folder / "out", LocalEngine(1), Options(strips=1))
    return page.as_uri()


@pytest.fixture
def page(browser: Page, report: str) -> Iterator[Page]:
    """A fresh page; whatever a test did, nothing was complained of and nothing left the disk."""
    browser.open(report)
    yield browser
    assert browser.problems == []
    assert {r.split(":")[0] for r in browser.requests} <= {"file", "data", "about"}


def tiles(page: Page) -> list[np.ndarray]:
    """What the players show right now, as pictures [H, W, 3]."""
    boxes = page.run(
        "[...document.querySelectorAll('.players canvas')].map(v => { const b = v.getBoundingClientRect();"
        "return [b.x, b.y, b.width, b.height]; })"
    )
    shot = page.call("Page.captureScreenshot", {"format": "png"})["data"]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(shot), np.uint8), cv2.IMREAD_COLOR)
    return [picture[round(y) : round(y + h), round(x) : round(x + w)] for x, y, w, h in boxes]


def players(page: Page) -> None:
    page.go(PLAYERS)
    page.wait(READY)


@pytest.mark.slow
def test_players_step_to_the_frame_together(page: Page) -> None:
    players(page)
    for key, expected in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("End", 39),
        ("ArrowLeft", 38),
        ("Home", 0),
    ):
        page.key(key)
        page.wait(f"thb.transport.frame === {expected} && !thb.transport.busy")
        page.settle()
        until(lambda: [frame_in(t) for t in tiles(page)] == [expected] * 3, 30)  # noqa: B023
        assert page.run("document.getElementById('frame').value").startswith(
            f"frame {expected} of 40"
        )


@pytest.mark.slow
def test_players_play_together(page: Page) -> None:
    """While they play, screenshots show one and the same frame everywhere.

    One may be off: on a machine under load a picture can change while it is being copied.
    """
    players(page)
    page.run("thb.transport.faster(0.5); 1")
    page.click("#play")
    page.wait("thb.transport.playing && thb.transport.frame > 4")
    seen = []
    for _ in range(16):
        seen.append([frame_in(t) for t in tiles(page)])
        time.sleep(0.05)
    page.click("#play")
    page.wait("!thb.transport.playing && !thb.transport.busy")
    assert len({s[0] for s in seen}) > 1, seen
    assert sum(max(s) == min(s) for s in seen) >= 15, seen


def test_one_is_heard_and_leads(page: Page) -> None:
    players(page)
    heard = "thb.transport.videos.filter(v => !v.element.muted).map(v => v.entrant)"
    assert page.run(heard) == []
    page.run(
        "(s => { s.value = '1'; s.dispatchEvent(new Event('change')); return 1; })(document.getElementById('sound'))"
    )
    assert page.run(heard) == [1]
    assert page.run("thb.transport.leader.entrant") == 1


def test_curves_carry_the_playhead_and_seek(page: Page) -> None:
    players(page)
    assert page.run("document.querySelectorAll('.chart.over').length") == 2
    page.click(".chart.over svg")
    page.wait("thb.transport.frame >= 19 && thb.transport.frame <= 20 && !thb.transport.busy")
    x = float(page.run("document.querySelector('.playhead').getAttribute('x1')"))
    assert x == pytest.approx((page.run("thb.transport.frame") + 0.5) / 40 * 1000)


def test_two_clicks_from_a_number_to_its_definition_rows_and_video(page: Page) -> None:
    page.click("#view-overview tbody td a")
    page.wait("document.querySelector('#clips-table tbody tr')")
    assert page.run("document.querySelectorAll('#clips-meaning a').length") == 1
    assert "What metric0 means" in page.run("document.getElementById('clips-meaning').textContent")
    values = page.run(
        "[...document.querySelectorAll('#clips-table td.chosen')].map(c => Number(c.title))"
    )
    assert len(values) == 100
    assert values == sorted(values, reverse=True)  # the worst first
    page.click("#clips-table tbody a")
    page.wait(
        "document.querySelector('.players video') || document.querySelector('#clip .note, #clip .absent')"
    )


def test_search_filters_and_sorting(page: Page) -> None:
    page.go("#clips")
    page.wait("document.querySelector('#clips-table tbody tr')")
    count = "document.getElementById('clips-count').textContent"
    assert page.run(count) == "120 of 120 clips"
    page.run(
        "(s => { s.value = 'ang 1001'; s.dispatchEvent(new Event('input')); return 1; })(document.getElementById('search'))"
    )
    page.wait(f"{count} !== '120 of 120 clips'")
    text = page.run(
        "[...document.querySelectorAll('#clips-table tbody tr')].map(r => r.textContent)"
    )
    assert text
    assert all("ANG" in t and "1001" in t for t in text)
    page.go("#clips?f.sex=male&f.age=20–29")
    page.wait(f"{count} === '15 of 120 clips'")
    page.go("#clips?order=name")
    page.wait("document.querySelector('#clips-table tbody a').textContent === '1000_S00'")
    page.click("#clips-table button.more")
    page.wait("document.querySelectorAll('#clips-table tbody tr').length === 120")


def test_tables_of_the_overview_sort(page: Page) -> None:
    names = "[...document.querySelector('table.overview').tBodies[0].rows].map(r => r.cells[1].textContent.trim())"
    page.click("table.overview button[data-column='1']")
    assert page.run(names) == sorted([SCRIPT, "alpha"], key=str.lower)
    page.click("table.overview button[data-column='1']")
    assert page.run(names)[0] == "alpha"


def test_comparison_and_breakdown(page: Page) -> None:
    page.go("#compare?a=0&b=1")
    page.wait("document.querySelectorAll('.scatter circle').length === 120")
    assert "permutation test" in page.run("document.getElementById('compare').textContent")
    page.go("#breakdown?label=sex")
    page.wait("document.querySelectorAll('#breakdown tbody tr').length === 2")
    page.click("#breakdown tbody a")
    page.wait("document.getElementById('clips-count').textContent === '60 of 120 clips'")


def test_a_system_called_script_is_shown_in_every_view(page: Page) -> None:
    for place in ("#overview", "#clips", PLAYERS, "#compare?a=0&b=1", "#breakdown", "#speed"):
        page.go(place)
        page.wait(
            f"[...document.querySelectorAll('main > section:not([hidden])')].some(s => s.textContent.includes({SCRIPT!r}))"
        )
    assert page.run("document.title") != "run"


def test_labels_and_reasons_are_shown_and_not_run(
    browser: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    run = made_run(tmp_path / "run", n_clips=4)
    clips = json.loads((run / "clips.json").read_text())
    for clip in clips:
        clip["labels"] = {SCRIPT: SCRIPT if clip is clips[0] else "x"}
    (run / "clips.json").write_text(json.dumps(clips))
    table = run / "systems" / "s0" / "clips.csv"
    text = re.sub(r"(?m)^(1000_S01,[^,]*),.*$", rf'\1,"{SCRIPT}",,', table.read_text())
    table.write_text(text)
    browser.problems.clear()
    browser.open(write_report(run, tmp_path / "out", LocalEngine(1), Options()).as_uri())
    for place, shown in (
        ("#clips?of=0", "#clips-table"), (f"#clip/{CLIP}", "#clip"), ("#breakdown", "#breakdown"),
    ):  # fmt: skip
        browser.go(place)
        browser.wait(f"document.querySelector('{shown}').textContent.includes({SCRIPT!r})")
    browser.go("#clips?of=0")
    browser.wait(f"[...document.querySelectorAll('td')].some(c => c.title === {SCRIPT!r})")
    assert browser.run("document.title") != "run"
    assert browser.problems == []


def test_resolutions_stand_apart_in_players_and_breakdowns(
    browser: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    run = made_run(tmp_path / "run", sizes=(64, 128), videos=1, n_frames=10)
    browser.open(
        write_report(run, tmp_path / "out", LocalEngine(1), Options(strips=0)).as_uri() + PLAYERS
    )
    browser.wait(READY)
    rows = "[...document.querySelectorAll('.players')].map(r => [...r.querySelectorAll('figcaption')].map(c => c.textContent))"
    assert browser.run(rows) == [
        ["ground-truth · 64 px", "alpha · 64 px"], ["ground-truth · 128 px", "beta · 128 px"],
    ]  # fmt: skip
    heads = "[...document.querySelectorAll('#breakdown thead th')].slice(2).map(c => c.textContent).join()"
    browser.go("#breakdown?label=sex")
    browser.wait(f"{heads} === 'alpha,ground-truth'")
    browser.go("#breakdown?label=sex&px=128")
    browser.wait(f"{heads} === 'beta,ground-truth'")


def test_a_cut_off_address_is_no_error(page: Page) -> None:
    page.go("#clip/%E0%A4%A")
    page.wait("document.getElementById('clip').textContent.includes('There is no clip')")


def test_cards_open_from_an_address(page: Page) -> None:
    page.go("#metrics/metric1")
    page.wait("document.getElementById('card-metric1').open")
    assert not page.run("document.getElementById('card-metric0').open")


@pytest.mark.slow
def test_every_view_fits_a_telephone(page: Page, report: str) -> None:
    page.size(390, 844)
    for place in (
        "",
        "#clips",
        PLAYERS,
        "#compare",
        "#breakdown",
        "#metrics/metric0",
        "#speed",
        "#strips",
    ):
        page.open(report + place)
        page.settle()
        assert page.run("document.documentElement.scrollWidth") <= 390, place


def test_the_numbers_of_a_clip_lead_to_their_rows(page: Page) -> None:
    players(page)
    page.click("#clip-numbers tbody td a")
    page.wait("document.querySelector('#clips-table td.chosen')")
    page.go("#metrics/metric1")
    page.click("#card-metric1 dd a")
    page.wait("document.getElementById('clips-meaning').textContent.includes('What metric1 means')")


@pytest.mark.slow
def test_keys_alone_reach_and_play_a_clip(page: Page) -> None:
    """Tab and Enter from the top of the page to a clip, then the transport by keys."""
    tagged = "document.activeElement.getAttribute('href') || document.activeElement.tagName"
    for goal in ("#clips", PLAYERS):
        for _ in range(400):
            page.key("Tab", 9)
            if str(page.run(tagged)).startswith(goal):
                break
        assert page.run("document.activeElement.matches(':focus-visible')")
        assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.key("Enter", 13)
        page.wait(f"location.hash.startsWith('{goal}')")
        page.wait("document.querySelector('#clips-table tbody a')")
    page.wait(READY)
    page.key("ArrowRight", 39)
    page.wait("thb.transport.frame === 1 && !thb.transport.busy")
    page.key("l", 76)
    assert page.run("thb.transport.loop") is False
    page.key(" ", 32)
    page.wait("thb.transport.playing && thb.transport.frame > 2")
    page.key(" ", 32)
    page.wait("!thb.transport.playing && !thb.transport.busy")


@pytest.mark.slow
def test_every_control_has_a_name(page: Page) -> None:
    """As an assistive technology sees them, in every view."""
    for place in ("#overview", "#clips", PLAYERS, "#compare", "#breakdown", "#metrics/metric0"):
        page.go(place)
        page.settle()
        nodes = page.call("Accessibility.getFullAXTree")["nodes"]
        roles = {"button", "link", "combobox", "slider", "checkbox", "searchbox", "image"}
        bare = [
            n["role"]["value"]
            for n in nodes
            if not n["ignored"] and n["role"]["value"] in roles and not n["name"]["value"].strip()
        ]
        assert bare == [], place


def test_text_has_enough_contrast(page: Page) -> None:
    """WCAG AA: 4.5 to 1 for every colour of text on the paper and on the wash."""
    for place in ("#overview", "#clips", PLAYERS, "#compare", "#breakdown", "#metrics/metric0"):
        page.go(place)
        page.settle()
        assert page.run(CONTRAST) == [], place


def test_a_clip_without_players_says_so(page: Page) -> None:
    page.go(f"#clip/{clip_ids(12)[5]}")
    page.wait("document.querySelector('#clip-numbers')")
    page.go("#clip/nothing")
    page.wait("document.getElementById('clip').textContent.includes('There is no clip')")


def test_the_files_are_beside_the_page(report: str) -> None:
    folder = Path(report.removeprefix("file://")).parent
    assert len(list(folder.glob("video/*/*.mp4"))) == 6
