"""CREMA-D: 7,442 clips of 91 actors speaking twelve sentences (Cao et al. 2014).

Nothing of the recordings is shipped: only their SHA-256, so that `thbench data fetch` can bring
exactly the published files. They show recognisable people and stand under ODbL 1.0 (database) and
DbCL 1.0 (contents). Importing this package costs nothing; the rest comes in when the dataset is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from thbench.api import Context, Dataset, Plugin, WeightsFile, hookimpl

__all__ = ["FAN", "MASTER", "VERSION", "BackendName", "Options"]

VERSION = "1"
MASTER = 320
"""Pixels of the prepared square, as in the paper; smaller sizes are made from it."""

BackendName: TypeAlias = Literal["yunet-pfld", "face-alignment"]


@dataclass(frozen=True)
class Options:
    """Where the recordings and the prepared set lie, and how faces are found."""

    root: Annotated[
        Path | None,
        "folder with VideoFlash/ and AudioWAV/ (a clone is used in place); default: in the cache",
    ] = None
    prepared: Annotated[
        Path | None, "folder of the prepared set; default: in the cache, one per backend"
    ] = None
    manifest: Annotated[
        Path | None,
        "CSV of other files (clip, flv_sha256, flv_bytes, wav_sha256, wav_bytes); "
        "default: the published ones",
    ] = None
    backend: Annotated[
        BackendName,
        "what finds face and landmarks: YuNet + PFLD, or S3FD + FAN of face-alignment (slow)",
    ] = "yunet-pfld"


_LICENCE = "BSD-3-Clause (face-alignment); trained on images whose terms exclude commercial use"
FAN = WeightsFile(
    name="fan-2d4",
    file="2DFAN4-11f355bf06.pth.tar",
    urls=("https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",),
    sha256="11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
    size=95_641_761,
    licence=_LICENCE,
    commercial=False,
    about="68 face landmarks, 2D-FAN-4 (Bulat and Tzimiropoulos 2017)",
)


def build(options: Options, context: Context) -> Dataset:
    from thbench_crema_d.dataset import CremaD

    return CremaD(options, context)


@hookimpl
def thbench_datasets() -> Iterable[Plugin[Dataset, Any]]:
    return [
        Plugin(
            "crema_d",
            Options,
            build,
            version=VERSION,
            summary="CREMA-D: 7,442 clips of 91 actors, 12 sentences, 6 emotions; fetched and prepared",
        )
    ]


@hookimpl
def thbench_weights() -> Iterable[WeightsFile]:
    return [FAN]
