"""Ray: several nodes on this machine, nodes that are lost, and what is said where Ray cannot work."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runs import EVERY_CONTROL, videos, written
from thbench.api import Engine, PersistentWorkers, UserError
from thbench.engines import engine_for
from thbench.engines.local import LocalEngine
from thbench.environment import Settings
from thbench.pipeline import run_generate, run_score
from thbench.plugins.discovery import registry
from thbench.run.plan import job_for
from thbench.suite import find_suite, load_suite
from thbench.suite.split import split_of
from thbench_ray.crew import ATTEMPTS, IN_FLIGHT
from thbench_ray.engine import _check
from thbench_ray.node import Report, Worker, program
from waiting import until

MANY = (
    EVERY_CONTROL.replace("{name: toy}", "{name: toy, n_actors: 4}") + "controls: [ground-truth]\n"
)
STORE = 80 * 2**20  # bytes; little more than Ray's least


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """`nodes(3, num_gpus=1)`: a cluster of three pretend nodes; the first is never to be removed."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'thbench[ray]'")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        # Where a Cluster writes its address, whatever `temp_dir` says; Ray does not make it.
        monkeypatch.setenv("RAY_TMPDIR", folder)
        Path(folder, "ray").mkdir()
        cluster = Cluster()

        def start(count: int, **resources: int) -> Any:
            for i in range(count):
                own = {"include_dashboard": False, "temp_dir": folder} if i == 0 else {}
                cluster.add_node(object_store_memory=STORE, **own, **resources)
            return cluster

        yield start
        ray.shutdown()
        cluster.shutdown()


def ray_engine(cluster: Any, workers: int = 1, settings: Settings | None = None) -> Engine:
    return engine_for(workers, settings or Settings(), "ray", cluster.address)


def whole_run(suite: Path | str, run: Path, engine: Engine, settings: Settings) -> dict[str, bytes]:
    """Generate and score with a cache of its own; everything promised of the result."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(run.with_name(f"{run.name}-cache")))
        loaded = load_suite(find_suite(str(suite)), registry())
        job, split = job_for(loaded, run, settings), split_of(loaded, settings)
        with job.run.locked():
            run_generate(job, split, engine)
            run_score(job, split, engine)
    assert not list(run.rglob(".thbench-*")), "litter"
    return {**written(run), **videos(run)}


@pytest.fixture
def work() -> Any:
    """The module of toys that workers can import too; on the path only while tests run."""
    return importlib.import_module("toy_work")


@pytest.mark.slow
def test_two_nodes_give_the_bytes_of_one_local_worker(
    nodes: Callable[..., Any], tmp_path: Path
) -> None:
    suite, settings = tmp_path / "suite.yaml", Settings(batch=2)
    suite.write_text(MANY)
    expected = whole_run(suite, tmp_path / "local", LocalEngine(1), settings)
    engine = ray_engine(nodes(2, num_cpus=1), 2, settings)
    assert whole_run(suite, tmp_path / "ray", engine, settings) == expected
    assert any(name.endswith("result.json") for name in expected)


@pytest.mark.long
def test_smoke_on_two_nodes_gives_the_bytes_of_one_local_worker(
    nodes: Callable[..., Any], tmp_path: Path
) -> None:
    expected = whole_run("smoke", tmp_path / "local", LocalEngine(1), Settings())
    engine = ray_engine(nodes(2, num_cpus=1), 2)
    assert whole_run("smoke", tmp_path / "ray", engine, Settings()) == expected


@pytest.mark.slow
def test_a_node_killed_in_the_middle_costs_only_what_it_was_at(
    nodes: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    suite, settings = tmp_path / "suite.yaml", Settings(device="cuda", batch=1)
    tally = tmp_path / "tally"
    options = f"32, tally: {tally}, meet: 3, delay: 0.5}}"
    suite.write_text(MANY.replace("toy-echo", "toy-tally").replace("32}", options))
    tally.write_text("somebody a\nsomebody b\n")  # else this one process would wait for two more
    expected = whole_run(suite, tmp_path / "local", LocalEngine(1), settings)
    tally.unlink()

    cluster = nodes(3, num_cpus=1, num_gpus=1)
    lost = cluster.list_all_nodes()[1]
    killed_at: list[int] = []

    def kill() -> None:
        while not tally.exists() or len({line.split()[1] for line in tally.open()}) < 3:
            time.sleep(0.01)  # until all three actors are at work
        killed_at.append(len(tally.read_text().splitlines()))
        cluster.remove_node(lost, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    found = whole_run(suite, tmp_path / "ray", ray_engine(cluster, settings=settings), settings)
    killer.join(timeout=60)
    assert found == expected

    errors = capfd.readouterr().err
    assert "was lost" in errors
    assert "raylet" not in errors
    lines = [line.split() for line in tally.read_text().splitlines()]
    times = Counter(clip for clip, _ in lines)
    assert killed_at and killed_at[0] < len(lines), "the node was killed after the work"
    assert len(times) == 12
    assert len({pid for _, pid in lines}) == 3, "one actor per GPU"
    twice = [clip for clip, n in times.items() if n > 1]
    assert sum(times.values()) - len(times) <= IN_FLIGHT
    first = dict(reversed([(clip, pid) for clip, pid in lines if clip in twice]))
    assert len(set(first.values())) <= 1, "clips of a living actor were made again"


@pytest.mark.slow
def test_actors_stay_while_a_run_lasts_and_go_with_it(
    nodes: Callable[..., Any], work: Any, tmp_path: Path
) -> None:
    engine = ray_engine(nodes(2, num_cpus=1), 2)
    assert isinstance(engine, PersistentWorkers)
    with engine.serve((), {}):
        first = {pid for _, pid in engine.map(work.meet, [(str(tmp_path), 2)] * 20)}
        second = {pid for _, pid in engine.map(work.meet, [(str(tmp_path), 2)] * 20)}
        assert first == second
        assert len(first) == 2
    until(lambda: not [p for p in first if Path(f"/proc/{p}").exists()])


@pytest.mark.slow
def test_workers_share_each_gpu(nodes: Callable[..., Any], work: Any, tmp_path: Path) -> None:
    engine = ray_engine(nodes(2, num_cpus=3, num_gpus=1), 3, Settings(device="cuda"))
    assert len({pid for _, pid in engine.map(work.meet, [(str(tmp_path), 6)] * 30)}) == 6
    assert engine.workers == 6


@pytest.mark.slow
def test_errors_and_deaths_are_told_as_local_ones_are(nodes: Callable[..., Any], work: Any) -> None:
    engine = ray_engine(nodes(1, num_cpus=1))
    assert isinstance(engine, PersistentWorkers)
    with engine.serve((), {}):
        assert sorted(engine.map(work.double, range(7))) == [(i, 2 * i) for i in range(7)]
        with pytest.raises(UserError, match="three is refused"):
            list(engine.map(work.refuse_three, range(6)))
        found = dict(engine.map(work.die_at_three, range(6), lambda task, why: (task, why)))
        stand_in = found.pop(3)
        assert stand_in[0] == 3
        assert f"died {ATTEMPTS} times" in stand_in[1]
        assert found == {i: i for i in (0, 1, 2, 4, 5)}


@pytest.mark.slow
def test_more_workers_than_the_cluster_has_room_for(nodes: Callable[..., Any], work: Any) -> None:
    cluster = nodes(2, num_cpus=1)
    with pytest.raises(UserError, match=r"room for 2 worker.*--workers 2"):
        list(ray_engine(cluster, 3).map(work.double, [1]))
    with pytest.raises(UserError, match="room for 0 worker"):
        list(ray_engine(cluster, 1, Settings(threads=2)).map(work.double, [1]))
    with pytest.raises(UserError, match=r"GPU.*--device cpu"):
        list(ray_engine(cluster, 1, Settings(device="cuda")).map(work.double, [1]))


def test_a_node_that_does_not_see_the_run_folder_is_refused(tmp_path: Path) -> None:
    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    for folder, text in ((there, "token"), (elsewhere, "another run's")):
        folder.mkdir()
        (folder / "probe").write_text(text)
    probes = [there / "probe", elsewhere / "probe", tmp_path / "absent" / "probe"]
    report = Worker({}).look(Path.cwd(), probes, "token")
    assert report.unseen == (str(elsewhere), str(tmp_path / "absent"))
    with pytest.raises(UserError) as caught:
        _check(report)
    assert report.node in str(caught.value)
    assert str(elsewhere) in str(caught.value)
    _check(Worker({}).look(Path.cwd(), probes[:1], "token"))


def test_a_node_with_another_version_is_refused() -> None:
    with pytest.raises(UserError, match=r"node far has torch 0\.1, this machine "):
        _check(Report("far", (), {**program(), "torch": "0.1"}))


def test_a_gpu_by_number_is_refused() -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'thbench[ray]'")
    with pytest.raises(UserError, match=r"--device cuda$"):
        engine_for(1, Settings(device="cuda:1"), "ray")


def test_without_ray_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'thbench\[ray\]'"):
        engine_for(1, Settings(), "ray")


@contextmanager
def working(folder: Path, mark: str) -> Iterator[subprocess.Popen[str]]:
    """`thbench generate` on a cluster of its own, once two clips are made."""
    suite, run = folder / "suite.yaml", folder / "run"
    suite.write_text(MANY.replace("32}", "32, delay: 0.3}"))
    words = [sys.executable, "-m", "thbench", "generate", str(suite), "--out", str(run)]
    process = subprocess.Popen(
        [*words, "--engine", "ray", "--workers", "2", "--batch", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "THBENCH_TEST_MARK": mark, "TMPDIR": str(folder)},
    )
    try:
        until(lambda: len(list(run.glob("systems/echo/videos/*"))) >= 2 or process.poll())
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.kill()


def marked(mark: str) -> list[str]:
    """Processes that were started, however indirectly, with this mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text()[:100])
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_a_run_no_process_stays(number: signal.Signals) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'thbench[ray]'")
    mark = f"mark-{os.getpid()}-{number}"
    # Not tmp_path: the paths of Ray's sockets must stay under 107 characters.
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with working(folder, mark) as process:
            assert len(marked(mark)) > 3
            process.send_signal(number)
            errors = process.communicate(timeout=300)[1]
        until(lambda: not marked(mark))
        if number == signal.SIGINT:
            assert process.returncode == 130
            assert "continues where it stopped" in errors
            assert "Traceback" not in errors
            assert not list(folder.glob("thbench-ray-*")), "Ray's own folder stayed"
