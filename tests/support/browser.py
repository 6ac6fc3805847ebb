"""A browser for the tests of pages; tests/conftest.py gives it to all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chromium import Page, installed


@pytest.fixture(scope="session")
def chromium() -> Iterator[Page]:
    """One for all tests of a process: its start costs more than most of them."""
    program = installed()
    if program is None:
        pytest.skip("no Chromium on the PATH (Debian: apt-get install chromium)")
    page = Page(program)
    yield page
    page.close()


@pytest.fixture
def browser(chromium: Page) -> Iterator[Page]:
    """The browser as if it had just been started: an empty page, nothing noted, light, 1280 x 900."""
    chromium.size(1280, 900)
    light = {"name": "prefers-color-scheme", "value": "light"}
    chromium.call("Emulation.setEmulatedMedia", {"media": "", "features": [light]})
    chromium.problems.clear()
    chromium.requests.clear()
    yield chromium
    # Videos that go on playing would keep a core from the tests that follow.
    chromium.call("Page.navigate", {"url": "about:blank"})
    chromium.wait("location.href === 'about:blank'")
