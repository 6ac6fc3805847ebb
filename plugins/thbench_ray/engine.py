"""Actors of a Ray cluster as an engine: `workers` on each GPU, or so many in all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from thbench.api import Died, UserError
from thbench_ray.cluster import connected, import_ray
from thbench_ray.crew import Crew
from thbench_ray.node import Report, Worker, program


class RayEngine:
    """`workers` actors of `threads` CPUs each, spread over the nodes; with device `cuda` so many on
    every GPU of the cluster, which share it.

    Raises UserError where Ray is not installed.
    """

    def __init__(self, workers: int, address: str | None, device: str, threads: int) -> None:
        import_ray()
        self.workers, self._address, self._threads = workers, address, threads
        self._asked = workers
        self._gpus = device != "cpu"
        if device not in ("cpu", "cuda", "cuda:0"):
            raise UserError(
                f"--device {device}: Ray gives each worker CPUs, or one GPU, which is cuda:0 to it",
                "--device cuda",
            )
        self._serving = False
        self._shared: Sequence[Path] = ()
        self._environment: Mapping[str, str] = {}
        self._crew: Crew | None = None
        self._open = ExitStack()

    @contextmanager
    def serve(self, shared: Sequence[Path], environment: Mapping[str, str]) -> Iterator[None]:
        """As api.Remote.serve. Connects at the first task: a run that is finished needs no cluster."""
        if self._serving:
            yield
            return
        self._serving, self._shared, self._environment = True, shared, environment
        try:
            yield
        finally:
            self._serving, self._crew = False, None
            self._open.close()

    def map(
        self, work: Callable[[Any], Any], tasks: Sequence[Any], died: Died | None = None
    ) -> Iterator[tuple[int, Any]]:
        """As api.Engine.map; outside of `serve` the actors last for this call."""
        if not tasks:
            return
        if not self._serving:
            with self.serve((), {}):
                yield from self.map(work, tasks, died)
            return
        if self._crew is None:
            self._crew = self._start()
        yield from self._crew.run(work, tasks, died)

    def _start(self) -> Crew:
        with ExitStack() as opening:
            cpus = None if self._gpus else self.workers * self._threads
            ray = opening.enter_context(connected(self._address, cpus))
            self.workers = self._count([n["Resources"] for n in ray.nodes() if n["Alive"]])
            probes, token = opening.enter_context(_probes(self._shared))
            remote = ray.remote(Worker).options(
                num_cpus=self._threads,
                num_gpus=10_000 // self._asked / 10_000 if self._gpus else 0,  # Ray keeps 4 places
                scheduling_strategy="SPREAD",
            )
            folder = Path.cwd()  # relative paths of a suite mean the same on every node

            def start() -> tuple[Any, Any]:
                actor = remote.remote(self._environment)
                return actor, actor.look.remote(folder, probes, token)

            crew = Crew(ray, self.workers, start, _check)
            opening.callback(crew.dismiss)
            self._open = opening.pop_all()
            return crew

    def _count(self, nodes: Sequence[Mapping[str, float]]) -> int:
        """How many actors. Raises UserError where the cluster has no room for them."""
        places = sum(self._places(node) for node in nodes)
        if self._gpus and not places:
            raise UserError("no node of the Ray cluster has a free GPU and CPU", "--device cpu")
        if not self._gpus and places < self._asked:
            raise UserError(
                f"the Ray cluster has room for {places} worker(s) of {self._threads} CPU(s)",
                f"--workers {max(places, 1)}",
            )
        return places if self._gpus else self._asked

    def _places(self, node: Mapping[str, float]) -> int:
        by_cpu = int(node.get("CPU", 0)) // self._threads
        return min(by_cpu, int(node.get("GPU", 0)) * self._asked) if self._gpus else by_cpu


def _check(report: Report) -> None:
    """Refuse a node that does not see the folders, or runs other versions than the driver."""
    if report.unseen:
        raise UserError(
            f"node {report.node} does not see {', '.join(report.unseen)} as this machine does",
            "the working folder, --out and $THBENCH_CACHE must lie on a file system that all nodes"
            " share, under the same path",
        )
    here = program()
    for name in (n for n in here if report.program.get(n) != here[n]):
        raise UserError(
            f"node {report.node} has {name} {report.program.get(name)}, this machine {here[name]}",
            "install the same versions on every node: others may change bytes",
        )


@contextmanager
def _probes(folders: Sequence[Path]) -> Iterator[tuple[list[Path], str]]:
    """A file with a random text in each folder, named as thbench names what a killed process may leave."""
    token = secrets.token_hex(16)
    files = [f.absolute() / f".thbench-{os.getpid()}-{token[:12]}.tmp" for f in folders]
    try:
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(token, encoding="ascii")
        yield files, token
    finally:
        for file in files:
            file.unlink(missing_ok=True)
