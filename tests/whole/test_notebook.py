"""The notebook of docs/ runs from its first cell to its last, as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from paths import ROOT

NOTEBOOK = ROOT / "docs" / "notebooks" / "thbench.ipynb"


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    """Generates and scores two clips twice; an exception in any cell fails."""
    nbformat = pytest.importorskip(
        "nbformat", reason="not installed: pip install nbclient ipykernel"
    )
    nbclient = pytest.importorskip(
        "nbclient", reason="not installed: pip install nbclient ipykernel"
    )
    pytest.importorskip("ipykernel", reason="not installed: pip install nbclient ipykernel")
    book = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(book)
    where = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(book, timeout=900, kernel_name="python3", resources=where)
    client.execute()
    cells = {c.source.partition("(")[0]: c.outputs for c in book.cells if c.cell_type == "code"}
    (shown,) = cells["results.show"]
    assert shown["data"]["text/html"].count("data:video/mp4;base64,") == 2
    assert (tmp_path / "table.tex").is_file()


def test_the_notebook_is_kept_without_outputs() -> None:
    import json

    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not c["outputs"] for c in cells if c["cell_type"] == "code")
    assert len(cells) > 5
