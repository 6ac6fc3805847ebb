"""Bring many files, several at a time, each from the first address that gives it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import requests

from thbench.api import DataReport, Progress, shown
from thbench_crema_d.catalogue import File
from thbench_crema_d.disk import fetching_into
from thbench_crema_d.download import Stopped, Unreachable, Unusable, download, part_of
from thbench_crema_d.recordings import absent, condition_of

__all__ = ["MIRRORS", "Plan", "fetch", "plan_of"]

MIRRORS = (
    "https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master",
    "https://gitlab.com/cs-cooper-lab/crema-d-mirror/-/raw/main",
)
"""Addresses that deliver the recordings behind the Git LFS pointers of the authors' repository."""

TRIES = 3
PAUSE = 1.0
"""Seconds before an address is asked again, doubled each time."""
_READERS = 4


@dataclass(frozen=True)
class Plan:
    """Which of the wanted files are here, and which must come."""

    here: Sequence[File]
    wanted: Sequence[File]


def plan_of(root: Path, files: Sequence[File]) -> Plan:
    """Reads what is here, so that a damaged file of the right size is fetched again."""
    away = set(absent(root, files))
    candidates = [f for f in files if f not in away]
    with ThreadPoolExecutor(_READERS) as pool:
        found = pool.map(lambda f: condition_of(root / f.path, f, lambda _: False), candidates)
        seen = shown("check what is here", found, len(candidates), "file")
        here = [f for f, condition in zip(candidates, seen, strict=True) if condition == "good"]
    kept = set(here)
    return Plan(here, [f for f in files if f not in kept])


def fetch(
    root: Path, files: Sequence[File], mirrors: Sequence[str], connections: int
) -> DataReport:
    """Download what is not here; a stopped fetch goes on where it was, inside a file too.

    Raises UserError where another fetch is at work in `root` and where the disk is full.
    """
    with fetching_into(root):
        plan = plan_of(root, files)
        return _account(plan, _Fetch(root, mirrors).all(plan.wanted, connections))


def _account(plan: Plan, failed: dict[File, str]) -> DataReport:
    got = [f for f in plan.wanted if f not in failed]
    megabytes = sum(f.size for f in got) / 1e6
    line = f"{len(got)} files fetched ({megabytes:.1f} MB), {len(plan.here)} were here already"
    remedy = " (the same command goes on)" if failed else ""
    return DataReport([f"{line}, {len(failed)} failed{remedy}"], list(_problems(failed)))


def _problems(failed: dict[File, str]) -> Iterator[str]:
    """Files that failed for one reason share a line: without a network all of them do."""
    alike: dict[str, list[File]] = {}
    for file, reason in failed.items():
        alike.setdefault(reason, []).append(file)
    for reason, files in alike.items():
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        yield f"{files[0].path}{more}: {reason}"


class _Fetch:
    """Several downloads at a time, which stop together."""

    def __init__(self, root: Path, mirrors: Sequence[str]) -> None:
        self._root, self._mirrors = root, [m.rstrip("/") for m in mirrors]
        self._answered: set[str] = set()
        self._given_up: set[str] = set()
        self._stop = threading.Event()
        self._sessions = threading.local()

    def all(self, files: Sequence[File], connections: int) -> dict[File, str]:
        """Reasons by file that could not be had, in the order of `files`."""
        failed: dict[File, str] = {}
        waiting = sum(part_of(self._root / f.path, f).exists() for f in files)
        label = "fetch" + (f" ({waiting} resumed)" if waiting else "")
        pool = ThreadPoolExecutor(connections)
        with Progress(label, sum(f.size for f in files), unit="B") as self._bar:
            try:
                work = {pool.submit(self._one, f): f for f in files}
                for done in as_completed(work):
                    if reason := done.result():
                        failed[work[done]] = reason
            finally:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
        return {f: failed[f] for f in files if f in failed}

    def _one(self, file: File) -> str | None:
        """None, or why no address gave the file."""
        target = self._root / file.path
        if (part := part_of(target, file)).exists():
            self._bar.advance(part.stat().st_size)
        reasons = []
        for mirror in self._mirrors:
            if not (reason := self._from(mirror, target, file)):
                return None
            reasons.append(f"{reason} ({mirror})")
        return "; ".join(reasons)

    def _from(self, mirror: str, target: Path, file: File) -> str | None:
        """Ask one address, again after a pause where that may help."""
        reason, url = "no connection", f"{mirror}/{file.path}"
        for attempt in range(TRIES):
            if mirror in self._given_up:
                break
            try:
                download(self._session, url, target, file, self._bar.advance, self._stop.is_set)
                self._answered.add(mirror)
                return None
            except Unusable as error:
                reason = str(error)
                self._note(mirror, error, last=attempt == TRIES - 1)
                if error.lasting:
                    break
            except Stopped:
                return "stopped"
            if attempt < TRIES - 1 and self._stop.wait(PAUSE * 2**attempt):
                break
        return reason

    def _note(self, mirror: str, error: Unusable, last: bool) -> None:
        """Without a network 14,884 files would each be tried in vain: who never answered is given up."""
        if not isinstance(error, Unreachable):
            self._answered.add(mirror)
        elif last and mirror not in self._answered:
            self._given_up.add(mirror)

    @property
    def _session(self) -> requests.Session:
        """One session per thread: connections are kept, and sessions are not made to be shared."""
        if not hasattr(self._sessions, "own"):
            self._sessions.own = requests.Session()
        own: requests.Session = self._sessions.own
        return own
