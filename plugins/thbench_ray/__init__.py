"""The engine `ray`: work spread over the nodes of a Ray cluster. Ray is imported when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from thbench.api import Context, Engine, Plugin, hookimpl


@dataclass(frozen=True)
class RayOptions:
    workers: Annotated[
        int, "actors of `--threads` CPUs each; with a cuda device so many per GPU"
    ] = 1
    address: Annotated[
        str | None, "auto or HOST:PORT; none: a cluster of this machine, for this run"
    ] = None


def _build(options: RayOptions, context: Context) -> Engine:
    from thbench_ray.engine import RayEngine

    return RayEngine(options.workers, options.address, context.device, context.threads)


@hookimpl
def thbench_engines() -> list[Plugin[Engine, RayOptions]]:
    return [Plugin("ray", RayOptions, _build, summary="nodes of a Ray cluster: thbench[ray]")]
