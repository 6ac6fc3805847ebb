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
    """The browser as if it had just been started, nothing noted."""
    chromium.problems.clear()
    chromium.requests.clear()
    yield chromium
    chromium.renew()
