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
def browser(chromium: Page) -> Page:
    """The browser as if it had just been started: an empty page, nothing noted, light, 1280 x 900."""
    chromium.call("Page.navigate", {"url": "about:blank"})
    chromium.size(1280, 900)
    light = {"name": "prefers-color-scheme", "value": "light"}
    chromium.call("Emulation.setEmulatedMedia", {"media": "", "features": [light]})
    chromium.wait("location.href === 'about:blank'")
    chromium.problems.clear()
    chromium.requests.clear()
    return chromium
