"""Fixtures shared by all tests. Real clips and models come from THBENCH_TEST_ASSETS, default ../shared."""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paths import ROOT
from thbench.plugins.discovery import registry
from turns import by_file, long_first

pytest_plugins = ("browser",)

# Programs that tests start keep what they compile, as they do for most people: there are hundreds of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 8 * 2**30:
    # Runs write thousands of small files through to the disk (fsync), a minute and more of a whole test run;
    # of a test nothing needs to outlive a power cut. Takes 2 GB.
    os.environ.setdefault("TMPDIR", str(MEMORY))
    tempfile.tempdir = None  # looked up again

if "--benchmark-only" not in sys.argv:
    # One thread for each process, children included: there is a process for every core, and threads that wait
    # for one another spin. Measured on a busy machine, tests of networks: 56 s of processor time with two, 19 with one.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """With `-p no:xdist` the options that pyproject.toml gives to it still parse; they do nothing."""
    words = "run the files, and the tests of each, in an order that SEED draws"
    parser.addoption("--shuffle", type=int, metavar="SEED", help=words)
    if not pluginmanager.hasplugin("xdist"):
        for name in ("--numprocesses", "--dist"):
            parser.addoption(name, help=argparse.SUPPRESS)
        parser.addoption("--no-loadscope-reorder", action="store_true", help=argparse.SUPPRESS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """No further process for a single file, where its start costs more than it saves, and for benchmarks."""
    one_file = len(config.args) == 1 and config.args[0].partition("::")[0].endswith(".py")
    return 0 if one_file or config.getoption("benchmark_only", False) else None


@pytest.hookimpl(trylast=True)  # of the tests that are left
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of a file stay together, as its fixtures cost. `--shuffle`: those that lean on one another fall."""
    seed = config.getoption("--shuffle")
    groups = by_file(items)
    if seed is not None:
        draw = random.Random(seed)
        draw.shuffle(groups)
        for group in groups:
            draw.shuffle(group)
    elif hasattr(config, "workerinput"):  # one of several processes
        groups = long_first(groups)
    items[:] = [item for group in groups for item in group]


@pytest.fixture(scope="session")
def assets() -> Callable[[str], Path]:
    """`assets("clips/speaker_a_512px_25fps_mpeg4.mp4")`: a real file, or a skip that says what is absent."""
    folder = Path(os.environ.get("THBENCH_TEST_ASSETS", ROOT.parent / "shared"))

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(f"real test asset {name} is absent from {folder} (set THBENCH_TEST_ASSETS)")
        return path

    return find


TOYS = ROOT / "tests" / "support" / "toys"


@pytest.fixture(scope="session", autouse=True)
def toy_plugins() -> Iterator[None]:
    """An installed distribution of tiny plugins, seen by this process and by its workers."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("THBENCH_OFFLINE", "THBENCH_WEIGHTS", "THBENCH_DISABLE"):
            patch.delenv(name, raising=False)  # the settings of the person who runs the tests
        patch.syspath_prepend(str(TOYS))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TOYS), os.environ.get("PYTHONPATH", "")]))
        registry.cache_clear()
        yield
    registry.cache_clear()


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Empty folders, one after the other, beneath one folder: `mktemp` reads all names beside it each time."""
    folder = tmp_path_factory.mktemp("caches")
    return (folder / str(n) for n in itertools.count())


@pytest.fixture(scope="session")
def parsed_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was found in modules' code, by their content: every program that a test starts would parse them again."""
    return tmp_path_factory.mktemp("code")


@pytest.fixture(autouse=True)
def own_cache(caches: Iterator[Path], parsed_code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the caches of the person who runs it; findings in code are shared by all tests."""
    cache = next(caches)
    cache.mkdir()
    (cache / "code").symlink_to(parsed_code)
    monkeypatch.setenv("THBENCH_CACHE", str(cache))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch on one thread: small convolutions on several wait for each other longer than they compute."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_sessionstart() -> None:
    """A shell's background job ignores Ctrl-C, and so would the programs that tests interrupt."""
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        and threading.current_thread() is threading.main_thread()
    ):
        signal.signal(signal.SIGINT, signal.default_int_handler)
