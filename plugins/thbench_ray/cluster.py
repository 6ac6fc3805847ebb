"""A connection to a Ray cluster, or a cluster of this machine that lives as long as the connection."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from thbench.api import UserError

OBJECT_STORE = 100 * 2**20  # bytes; records are a few hundred each, Ray's least is 75 MiB
# Read by Ray when it is imported or started. It must neither count users nor talk over the progress bar.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


def import_ray() -> Any:
    """The module. Raises UserError where it is not installed."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise UserError("the ray engine needs Ray", "pip install 'thbench[ray]'") from None
    return ray


@contextmanager
def connected(address: str | None, cpus: int | None) -> Iterator[Any]:
    """The module ray, connected. Without an address a cluster is started here and stopped at the end:
    with so many CPUs and no GPU, or, for None, with all this machine has.

    Raises UserError where no cluster answers at `address`.
    """
    ray = import_ray()
    if ray.is_initialized():
        raise UserError(
            "this process is connected to a Ray cluster already", "call ray.shutdown() first"
        )
    with tempfile.TemporaryDirectory(prefix="thbench-ray-", ignore_cleanup_errors=True) as folder:
        where = {"address": address} if address else _own(folder, cpus)
        try:
            _hush(ray)
            _connect(ray, where)
            yield ray
        finally:
            ray.shutdown()


def _hush(ray: Any) -> None:
    """A node that is lost: Ray prints the end of its log on our standard output, whatever it is told."""
    with suppress(AttributeError):
        ray._private.worker.print_to_stdstream = lambda *_, **__: None


def _connect(ray: Any, where: Mapping[str, Any]) -> None:
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"no Ray cluster at --address {where['address']}: {error}",
            "ray start --head --port=6379 starts one; this machine must be one of its nodes",
        ) from None


def _own(folder: str, cpus: int | None) -> dict[str, Any]:
    """Ray keeps its logs and sockets for ever; in a folder of our own they go when the run ends."""
    where: dict[str, Any] = {
        "address": "local",  # whatever RAY_ADDRESS says
        "object_store_memory": OBJECT_STORE,
        "include_dashboard": False,
        "_temp_dir": folder,
    }
    return where if cpus is None else {**where, "num_cpus": cpus, "num_gpus": 0}
