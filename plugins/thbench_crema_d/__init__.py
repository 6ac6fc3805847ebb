"""CREMA-D: 7,442 clips of 91 actors speaking twelve sentences (Cao et al. 2014).

Nothing of the recordings is shipped: only their SHA-256, so that `thbench data fetch` can bring
exactly the published files. They show recognisable people and stand under ODbL 1.0 (database) and
DbCL 1.0 (contents). Importing this package costs nothing; the rest comes in when the dataset is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from thbench.api import Context, Dataset, Plugin, hookimpl

__all__ = ["MASTER", "VERSION", "BackendName", "CropName", "Options"]

VERSION = "1"
MASTER = 320
"""Pixels of the prepared square, as in the paper; smaller sizes are made from it."""

BackendName: TypeAlias = Literal["yunet-pfld", "face-alignment", "yunet-dlib", "yunet-mesh"]
CropName: TypeAlias = Literal["wide", "tight"]


@dataclass(frozen=True)
class Options:
    """Where the recordings and the prepared set lie, and how faces are found."""

    root: Annotated[
        Path | None,
        "folder with VideoFlash/ and AudioWAV/ (a clone is used in place); default: in the cache",
    ] = None
    prepared: Annotated[
        Path | None, "folder of the prepared set; default: in the cache, one per backend and crop"
    ] = None
    manifest: Annotated[
        Path | None,
        "CSV of other files (clip, flv_sha256, flv_bytes, wav_sha256, wav_bytes); "
        "default: the published ones",
    ] = None
    backend: Annotated[
        BackendName,
        "what finds face and landmarks: YuNet + PFLD, S3FD + FAN of face-alignment (slow), YuNet + "
        "dlib's 68 points (pip install 'thbench[dlib]'), or YuNet + the face mesh",
    ] = "yunet-pfld"
    crop: Annotated[
        CropName,
        "wide: head, hair and chin (the face is 0.42 of the side wide); tight: as videos of 128 px are "
        "published (0.54)",
    ] = "wide"


def build(options: Options, context: Context) -> Dataset:
    from thbench_crema_d.dataset import CremaD

    return CremaD(options, context)


def person(name: str) -> str | None:
    """The actor in a clip's or file's name, or an actor's own number."""
    found = re.fullmatch(r"(?:.*/)?(\d{4})(?:_[A-Z]{3}_[A-Z]{3}(?:_[A-Z]{2})?)?(?:\.\w+)?", name)
    return found[1] if found else None


@hookimpl
def thbench_datasets() -> Iterable[Plugin[Dataset, Any]]:
    return [
        Plugin(
            "crema_d",
            Options,
            build,
            version=VERSION,
            person=person,
            people="recorded",
            summary="CREMA-D: 7,442 clips of 91 actors, 12 sentences, 6 emotions; fetched and prepared",
        )
    ]
