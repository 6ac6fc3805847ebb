"""Which files CREMA-D consists of, and who is in them. Opens no recording."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from thbench.api import Clip, UserError, reading
from thbench_crema_d.names import EMOTIONS, LEVELS, parts_of

__all__ = [
    "COLUMNS",
    "REMUXED",
    "Catalogue",
    "File",
    "Kind",
    "clip_of",
    "load_catalogue",
    "published",
    "read_catalogue",
]

Kind: TypeAlias = Literal["flv", "wav"]
COLUMNS = ("clip", "flv_sha256", "flv_bytes", "wav_sha256", "wav_bytes")
FOLDERS: Mapping[Kind, str] = {"flv": "VideoFlash", "wav": "AudioWAV"}
_DATA = Path(__file__).parent / "data"
_LARGEST = 50_000_000


@dataclass(frozen=True)
class File:
    """One recording as it was published."""

    clip: str
    kind: Kind
    sha256: str
    size: int

    algorithm = "sha256"

    @property
    def digest(self) -> str:
        return self.sha256

    @property
    def path(self) -> str:
        """Where it lies in the dataset, `/` between the parts."""
        return f"{FOLDERS[self.kind]}/{self.clip}.{self.kind}"


Catalogue: TypeAlias = Mapping[str, tuple[File, File]]
"""Picture (FLV) and sound (WAV) by clip id, sorted."""


@cache
def published() -> Catalogue:
    """The 7,442 clips as Git LFS records them in the authors' repository."""
    with gzip.open(_DATA / "files.csv.gz", "rt", encoding="ascii", newline="") as lines:
        return read_catalogue(lines, "files.csv.gz")


@cache
def load_catalogue(path: Path | None) -> Catalogue:
    """The catalogue in a CSV file (None: the published one). Raises UserError naming the line."""
    if path is None:
        return published()
    with reading(path, "check the path"):
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path} is larger than any manifest", "check the path")
        with path.open(encoding="utf-8", newline="") as lines:
            return read_catalogue(lines, str(path))


def read_catalogue(lines: Iterable[str], name: str) -> Catalogue:
    """Parse the CSV; `name` is what errors call it. Raises UserError naming the line."""
    rows = csv.DictReader(lines)
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise UserError(f"{name}: the columns are not {', '.join(COLUMNS)}", "fix the first line")
    found: dict[str, tuple[File, File]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            flv, wav = _files_of(row)
        except (AttributeError, TypeError, ValueError) as error:
            raise UserError(f"{name}:{number}: {error}", "fix that line") from None
        if flv.clip in found:
            raise UserError(f"{name}:{number}: {flv.clip} stands twice", "keep one of them")
        found[flv.clip] = (flv, wav)
    return dict(sorted(found.items()))


def _files_of(row: Mapping[str, str]) -> tuple[File, File]:
    parts_of(row["clip"])  # also keeps anything but plain names out of paths
    return _file(row, "flv"), _file(row, "wav")


def _file(row: Mapping[str, str], kind: Kind) -> File:
    sha256, size = row[f"{kind}_sha256"].lower(), int(row[f"{kind}_bytes"])
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or size < 0:
        raise ValueError(f"no SHA-256 and size of the {kind} file")
    return File(row["clip"], kind, sha256, size)


# -- clips ----------------------------------------------------------------------------------------


def clip_of(clip_id: str) -> Clip:
    """The clip with its labels: those in its name, and its actor's."""
    actor, sentence, emotion, level = parts_of(clip_id)
    said = {"sentence": sentence, "emotion": EMOTIONS[emotion], "level": LEVELS[level]}
    return Clip(clip_id, actor, {**said, **_actors().get(actor, {})})


@cache
def _actors() -> Mapping[str, Mapping[str, str]]:
    """Age, sex, race and ethnicity by actor, as the dataset's VideoDemographics.csv has them."""
    with (_DATA / "actors.csv").open(encoding="ascii", newline="") as lines:
        return dict(_demographics(csv.DictReader(lines)))


def _demographics(rows: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, dict[str, str]]]:
    for row in rows:
        labels = {name.lower(): value for name, value in row.items() if name != "ActorID"}
        yield row["ActorID"], {name: value.lower() for name, value in labels.items()}


REMUXED = frozenset(
    [
        "1005_IWW_DIS_XX",
        "1007_IWL_HAP_XX",
        "1037_DFA_ANG_XX",
        "1037_WSI_DIS_XX",
        "1037_WSI_FEA_XX",
        "1037_WSI_SAD_XX",
        "1039_IWL_SAD_XX",
        "1039_WSI_SAD_XX",
        "1045_ITS_HAP_XX",
        "1045_WSI_DIS_XX",
        "1046_TIE_HAP_XX",
        "1058_IEO_SAD_HI",
        "1061_TIE_ANG_XX",
        "1063_IEO_DIS_HI",
        "1067_IEO_FEA_LO",
        "1068_IEO_SAD_MD",
        "1070_IWL_SAD_XX",
        "1071_WSI_ANG_XX",
        "1072_WSI_ANG_XX",
        "1073_MTI_SAD_XX",
        "1075_IWW_DIS_XX",
        "1075_WSI_DIS_XX",
        "1076_ITH_HAP_XX",
        "1076_ITH_NEU_XX",
        "1076_TAI_NEU_XX",
        "1079_IWL_ANG_XX",
        "1079_TAI_DIS_XX",
        "1091_IWW_FEA_XX",
    ]
)
"""Clips whose FLV had no sound until it was muxed anew on 2020-12-16."""
