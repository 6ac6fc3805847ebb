"""A browser for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chromium import Page, installed


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    program = installed()
    if program is None:
        pytest.skip("no Chromium on the PATH (Debian: apt-get install chromium)")
    page = Page(program)
    yield page
    page.close()
