"""Sharpness of the face: variance of the Laplacian and high-frequency energy; as a variant CPBD.

No reference is needed to measure it, but one to judge it: noise and compression blocks count as sharpness as
well, so that systems are ranked by the distance from the ground truth, at one resolution only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from thbench.api import Context, Metric, Plugin, hookimpl

__all__ = ["SharpnessOptions"]


@dataclass(frozen=True)
class SharpnessOptions:
    """Measured per frame on the grey picture inside the face box, averaged over frames."""

    region: Annotated[
        Literal["face", "frame"], "inside the face box, or the whole frame (needs no weights)"
    ] = "face"
    measure: Annotated[
        Literal["energy", "cpbd"],
        "energy: laplacian_variance and high_frequency; cpbd: share of edges where no blur is seen, which "
        "noise raises; needs a region of 64 pixels",
    ] = "energy"
    max_missing: Annotated[
        float,
        "largest share of frames without a face in a clip that is still scored",
        Field(ge=0, le=1),
    ] = 0.1


def _extractors(options: SharpnessOptions) -> Mapping[str, Mapping[str, object]]:
    return {"face_boxes": {"max_missing": options.max_missing}} if options.region == "face" else {}


def _build(options: SharpnessOptions, context: Context) -> Metric:
    from thbench_sharpness.metric import Sharpness

    return Sharpness(options, context)


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:
    return [
        Plugin(
            "sharpness",
            SharpnessOptions,
            _build,
            summary="variance of the Laplacian and high-frequency energy inside the face box",
            extractors=_extractors,
            variants={
                "frame": {"region": "frame"},
                "cpbd": {"measure": "cpbd"},
                "cpbd-frame": {"measure": "cpbd", "region": "frame"},
            },
        )
    ]
