"""The machine and build a number comes from: numerics, provenance, threads."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import thbench
from thbench.errors import UserError

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
NUMERIC_LIBRARIES = ("numpy", "scipy", "torch", "opencv-python", "torchmetrics", "av")


@dataclass(frozen=True)
class Settings:
    """What decides bytes on one machine: device, threads, batch shape, how colours become RGB."""

    device: str = "cpu"
    threads: int = 1
    batch: int = 4
    offline: bool = False
    decode: Literal["exact", "ffmpeg-default"] = "exact"

    def numerics(self) -> dict[str, Any]:
        """Everything outside plugin and input that can move the last bit."""
        settings = {k: v for k, v in asdict(self).items() if k != "offline"}
        if self.decode == "exact":
            del settings["decode"]
        return {**settings, "machine": platform.machine(), "libraries": library_versions()}


@lru_cache(maxsize=1)
def library_versions() -> dict[str, str]:
    """Installed versions, read from metadata so that nothing heavy is imported."""
    return {name: _version(name) for name in NUMERIC_LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def apply_threads(threads: int) -> None:
    """Hold every numerical library to `threads`; libraries not yet imported read the environment."""
    import threadpoolctl

    for name in _THREADS:
        os.environ[name] = str(threads)
    threadpoolctl.threadpool_limits(threads)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    if cv2 := sys.modules.get("cv2"):
        cv2.setNumThreads(threads)


_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # of glibc's malloc.h
_HEAP_GROWTH = 256 * 2**20


def keep_freed_memory() -> bool:
    """Let glibc keep the blocks that are freed, for a process that is this program's own; whether it does.

    A network frees and asks for the same large blocks with every batch. Given back to the system each
    time, every page of them is cleared again: two thirds of the system time of scoring. The process
    keeps up to 100 MB more. What a person has set of malloc by environment variables stays.
    """
    own = [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]
    if own or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: _HEAP_GROWTH}
    return all(mallopt(name, value) for name, value in wanted.items())


def return_freed_memory() -> None:
    """Give the system back what is free now, after `keep_freed_memory`: for work on long clips.

    Each metric asks for other blocks, and what one has freed does not serve the next: all that they ever
    held would stay.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def few_collections() -> Iterator[None]:
    """Old objects are looked through for cycles a hundredth as often.

    For a block that makes a million records, none of them in a cycle: with CPython's own thresholds
    looking through all of them again and again took a sixth of the CPU time of reducing.
    """
    before = gc.get_threshold()
    gc.set_threshold(before[0], before[1], 100 * before[2])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def kept_threads() -> Iterator[None]:
    """Threads and TF32 of the caller's process are after the block as they were before it."""
    import threadpoolctl

    before = {name: os.environ.get(name) for name in _THREADS}
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    held = torch and (torch.get_num_threads(), *(b.allow_tf32 for b in _tf32(torch)))
    cores = cv2 and cv2.getNumThreads()
    try:
        with threadpoolctl.threadpool_limits(None):
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        if torch is None and (torch := sys.modules.get("torch")) is not None:
            torch.set_num_threads(int(before["OMP_NUM_THREADS"] or os.cpu_count() or 1))
        if torch and held:
            torch.set_num_threads(held[0])
            for backend, allowed in zip(_tf32(torch), held[1:], strict=True):
                backend.allow_tf32 = allowed
        if cv2:
            cv2.setNumThreads(cores)


def _tf32(torch: Any) -> tuple[Any, Any]:
    return torch.backends.cudnn, torch.backends.cuda.matmul


def check_device(device: str) -> None:
    """Raises UserError for a device that this machine does not have. Imports torch, but not for `cpu`."""
    if device == "cpu":
        return
    import torch

    try:
        torch.empty(1, device=device)
    except Exception as error:  # of a type for every way in which a device can be missing
        cause = str(error).strip().partition("\n")[0]
        raise UserError(
            f"--device {device}: {cause}", "cpu, or what `thbench doctor` finds"
        ) from None


def default_offline() -> bool:
    """Whether THBENCH_OFFLINE forbids downloads."""
    return os.environ.get("THBENCH_OFFLINE", "") not in ("", "0")


def peak_memory_bytes() -> int:
    """Largest resident size of this process so far, or of the accelerator where one is in use."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@lru_cache(maxsize=1)
def git_state() -> dict[str, Any]:
    """Commit and dirty flag of the checkout thbench runs from; nulls for an installed wheel."""
    folder = Path(thbench.__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return {"commit": None, "dirty": None}
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        dirty = bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": dirty}


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    return done.stdout.strip()


def provenance(settings: Settings) -> dict[str, Any]:
    """What a result records of the program that made it; times and host live in timings.jsonl."""
    return {
        "thbench": thbench.__version__,
        "git": git_state(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "libraries": library_versions(),
        "device": settings.device,
        "threads": settings.threads,
        "batch": settings.batch,
    }
