"""Write a manifest (CSV of SHA-256 and sizes) of a CREMA-D tree.

    python -m thbench_crema_d.make_manifest TREE files.csv

A plain clone without git-lfs is enough: its pointer files state hash and size of what they stand
for. `data/files.csv.gz` was made so from the authors' repository, with `.gz` as the output's ending.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import sys
from pathlib import Path

from thbench.api import UserError
from thbench_crema_d.catalogue import COLUMNS, FOLDERS, Kind, read_catalogue
from thbench_crema_d.pointers import read_pointer

__all__ = ["manifest_of", "write_manifest"]


def manifest_of(tree: Path) -> str:
    """The CSV text of all clips under `tree` that have both files. Raises UserError for none."""
    clips = sorted(p.stem for p in (tree / FOLDERS["flv"]).glob("*.flv"))
    both = [c for c in clips if (tree / FOLDERS["wav"] / f"{c}.wav").is_file()]
    if not both:
        raise UserError(f"{tree} holds no clip", "name a folder with VideoFlash/ and AudioWAV/")
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows([c, *_described(tree, c, "flv"), *_described(tree, c, "wav")] for c in both)
    return text.getvalue()


def _described(tree: Path, clip: str, kind: Kind) -> tuple[str, int]:
    path = tree / FOLDERS[kind] / f"{clip}.{kind}"
    if pointer := read_pointer(path):
        return pointer
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def write_manifest(text: str, out: Path) -> None:
    """Check the CSV text and write it, gzipped where `out` ends so; equal texts give equal bytes."""
    read_catalogue(text.splitlines(keepends=True), out.name)
    content = text.encode("ascii")
    out.write_bytes(gzip.compress(content, 9, mtime=0) if out.suffix == ".gz" else content)


if __name__ == "__main__":
    write_manifest(manifest_of(Path(sys.argv[1])), Path(sys.argv[2]))
