"""Distance of the landmarks of mouth and face from the ground truth's: `lmd` and its velocity form `lvd`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from thbench.api import Context, Metric, Plugin, hookimpl
from thbench_face import Network

__all__ = ["Form", "LmdOptions", "LvdOptions"]

Form: TypeAlias = Literal["aligned", "per-io", "raw", "centred", "l1"]

_MaxMissing: TypeAlias = Annotated[
    float,
    "largest share of frames without a face in either video, 0..1; above it the clip fails",
    Field(ge=0, le=1),
]
_SkipIdentity: TypeAlias = Annotated[
    bool, "leave out the frame that the generator was given, where it is one of the reference's"
]


@dataclass(frozen=True)
class LmdOptions:
    """Whose landmarks, what is taken away before they are compared, and in which order in time."""

    landmarks: Network = "mesh"
    form: Annotated[
        Form,
        "aligned: by a similarity on nose and eyes, in eye distances; per-io: as they lie, in eye "
        "distances; raw: as they lie, pixels; centred: each set about its own mean, pixels; "
        "l1: mean of |dx| and |dy| as they lie, pixels",
    ] = "aligned"
    dtw: Annotated[
        int,
        "frames that a moment may be early or late without cost (time warping in a band); 0: none",
        Field(ge=0, le=25),
    ] = 0
    skip_identity: _SkipIdentity = True
    max_missing: _MaxMissing = 0.2


@dataclass(frozen=True)
class LvdOptions:
    """Whose landmarks; always aligned and in eye distances."""

    landmarks: Network = "mesh"
    max_missing: _MaxMissing = 0.2


def _build_lmd(options: LmdOptions, context: Context) -> Metric:
    from thbench_landmarks.metric import LandmarkDistance

    return LandmarkDistance(options, context)


def _build_lvd(options: LvdOptions, context: Context) -> Metric:
    from thbench_landmarks.metric import LandmarkVelocityDistance

    return LandmarkVelocityDistance(options, context)


def _found(options: LmdOptions | LvdOptions) -> Mapping[str, Mapping[str, object]]:
    return {"landmarks68": {"network": options.landmarks, "max_missing": options.max_missing}}


_NETWORKS: Mapping[str, Mapping[str, object]] = {
    name: {"landmarks": name} for name in ("pfld", "fan", "dlib", "puppet-v1")
}


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:
    return [
        Plugin(
            "lmd",
            LmdOptions,
            _build_lmd,
            summary="distance of mouth and face landmarks from the ground truth's, head motion taken away",
            extractors=_found,
            variants={
                **_NETWORKS,
                "dtw5": {"dtw": 5},
                "dtw5-puppet-v1": {"dtw": 5, "landmarks": "puppet-v1"},
                "raw": {"form": "raw"},
                "per-io": {"form": "per-io"},
                "eat": {"form": "centred", "landmarks": "dlib", "skip_identity": False},
                "centred": {"form": "centred"},
                "l1": {"form": "l1"},
            },
        ),
        Plugin(
            "lvd",
            LvdOptions,
            _build_lvd,
            summary="difference of the mouth's velocity from the ground truth's, with its noise floor",
            extractors=_found,
            variants=_NETWORKS,
        ),
    ]
