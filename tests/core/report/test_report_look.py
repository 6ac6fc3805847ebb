"""Pages for everybody: accessibility rules, narrow screens, dark mode, one file, links to a frame, every key press."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chromium import Page, scheme, violations
from guards import some
from made import clip_ids, made_run
from thbench.engines.local import LocalEngine
from thbench.report.page import Options
from thbench.report.single import write_single_file

CLIP = clip_ids(12)[0]
VIEWS = ("overview", "clips", f"clip/{CLIP}", "gallery", "compare", "breakdown", "metrics", "speed")
READY = "thb.transport && thb.transport.videos.every(v => v.element.readyState >= 2) && !thb.transport.busy"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One file: it has every view of a report, and is what is sent to others."""
    folder = tmp_path_factory.mktemp("look")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(folder / "cache"))
        run = made_run(
            folder / "run",
            systems=["alpha", "beta"],
            n_clips=12,
            videos=1,
            sizes=(96, 64),
            columns=9,
        )
        out = folder / "report.html"
        write_single_file(run, out, LocalEngine(1), Options(strips=1))
    return out.as_uri()


@pytest.fixture
def page(browser: Page, address: str) -> Iterator[Page]:
    browser.open(address)
    yield browser
    assert browser.problems == []
    assert {r for r in browser.requests if not r.startswith(("data:", "about:"))} == {address}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "name"),
    [
        pytest.param(390, "light", marks=pytest.mark.slow),
        (390, "dark"),
        (1400, "light"),
        pytest.param(1400, "dark", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing(page: Page, width: int, name: str) -> None:
    page.size(width, 900)
    scheme(page, name)
    found = {}
    for view in some(VIEWS):
        page.go("#" + view)
        page.wait(f"!document.getElementById('view-{view.partition('/')[0]}').hidden")
        page.wait("document.querySelectorAll('main > section:not([hidden]) *').length > 3")
        if rules := violations(page):
            found[view] = rules
    scheme(page, "light")
    assert found == {}


def test_no_view_is_wider_than_a_phone(page: Page) -> None:
    page.size(390, 844)
    for view in some(VIEWS):
        page.go("#" + view)
        page.wait(f"!document.getElementById('view-{view.partition('/')[0]}').hidden")
        assert page.run("document.documentElement.scrollWidth") <= 390, view


def test_a_cut_table_says_so_and_keeps_its_first_column(page: Page) -> None:
    page.size(390, 844)
    page.run("thb.cut(); 1")
    box = "document.querySelector('#view-overview .scroll')"
    assert page.run(f"{box}.classList.contains('cut')")
    assert page.run(f"getComputedStyle({box}, '::after').content").startswith('"more columns')
    page.run(f"{box}.scrollLeft = 1e5; 1")
    page.wait(f"!{box}.classList.contains('cut')")
    left = f"{box}.querySelector('tbody th').getBoundingClientRect().left - {box}.getBoundingClientRect().left"
    assert abs(page.run(left)) < 2


def test_a_dark_page_is_dark_and_paper_is_not(page: Page) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    scheme(page, "dark")
    assert page.run(paper) == "rgb(20, 24, 30)"
    ink = "getComputedStyle(document.querySelector('.plots svg text[fill=\"#222222\"]')).fill"
    assert page.run(ink) == "rgb(230, 233, 238)"
    page.call(
        "Emulation.setEmulatedMedia",
        {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    assert page.run(paper) == "rgb(255, 255, 255)"
    assert page.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    page.call("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_one_file_plays_its_videos(page: Page) -> None:
    page.go(f"#clip/{CLIP}")
    page.wait(READY)
    assert page.run("thb.transport.videos.length") >= 3


def test_a_link_leads_to_a_frame(page: Page) -> None:
    page.go(f"#clip/{CLIP}?frame=12")
    page.wait(READY + " && thb.transport.frame === 12")
    page.key("ArrowRight")
    page.wait("thb.transport.frame === 13 && !thb.transport.busy")
    page.click("button[title^='link']")
    page.wait("location.hash.includes('frame=13')")


def test_every_press_of_a_key_counts(page: Page) -> None:
    page.go(f"#clip/{CLIP}")
    page.wait(READY)
    for _ in range(7):
        page.key("ArrowRight")
    page.wait("thb.transport.frame === 7 && !thb.transport.busy")
    for _ in range(3):
        page.key("ArrowLeft")
    page.wait("thb.transport.frame === 4 && !thb.transport.busy")


def test_two_ground_truths_differ_in_name_and_line(page: Page) -> None:
    page.go(f"#clip/{CLIP}")
    page.wait(READY)
    names = page.run(
        "thb.data.core.entrants.map((e, i) => e.truth ? thb.named(i) : null).filter(Boolean)"
    )
    assert names == ["ground-truth · 64 px", "ground-truth · 96 px"]
    dashes = page.run(
        "thb.data.core.entrants.map((e, i) => e.truth ? thb.dashes(i) : null).filter(d => d !== null)"
    )
    assert len(set(dashes)) == 2


def test_more_scores_are_shown_on_request(page: Page) -> None:
    buttons = page.run("document.querySelectorAll('button[data-all]').length")
    hidden = page.run("document.querySelectorAll('.overview .extra').length")
    assert bool(buttons) == bool(hidden)


def test_the_single_file_asks_for_nothing_else(address: str) -> None:
    text = Path(address.removeprefix("file://")).read_text(encoding="utf-8")
    assert 'src="data/' not in text
    assert '<link rel="stylesheet"' not in text
    assert "script-src 'sha256-" in text
