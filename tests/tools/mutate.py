"""Mutation testing: how many small faults in a module do its tests notice?

    python tests/tools/mutate.py thbench/score/keys.py plugins/thbench_fid/kid.py --sample 10 --seed 1

Works on a copy of the checkout, without the real assets. The tests of a module are those of its folder (tests/core/FOLDER,
tests/builtin/NAME) whose file has its name (test_MODULE*.py); where there is none those that import it, and
tests/rules/test_scores.py for plugins. Each runs once to see which lines it runs (lines_run.py); a mutant then gets those that run its lines,
the quick ones first, until one fails or --budget seconds of tests have passed. A mutant that no test notices has survived
and is printed: kill it with a test, or name it with the reason why it changes nothing in equivalent_mutants.yaml.
mutants.py has the operators.

The same seed, sample and module give the same mutants. With --state FOLDER a later call goes on where this one was ended, and
asks only survivors again. Tests that fail where modules end with a harmless statement (digests of source) are left out.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from _pytest.runner import runtestprotocol

from mutants import Mutant, mutants_of
from swap_code import Loaded

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.yaml")
HARMLESS = "\n_nothing = None\n"
HEAVY = (
    "numpy",
    "scipy.linalg",
    "scipy.stats",
    "pandas",
    "torch",
    "cv2",
    "av",
    "pydantic",
    "click",
)
"""Imported once, before any fork."""
WORDS = (
    "-q",
    "-x",
    "-n",
    "0",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "-rfE",
    "--no-header",
)
PASSED, USAGE, NOTHING, UNFIT = 0, 4, 5, 77
QUICK = 0.1
"""Seconds of a test that goes first."""
SECONDS_TO_START = 60
"""CPU seconds that a mutant may take beyond its tests' own."""

Ran = Mapping[str, Mapping[str, Any]]
"""Test -> what lines_run.py says of it."""


def say(text: str) -> None:
    """What is being done, beside the results."""
    print(text, file=sys.stderr, flush=True)


# -- which tests ----------------------------------------------------------------------------------


def module_name(file: Path) -> str:
    parts = file.with_suffix("").parts
    parts = parts[1:] if parts[0] == "plugins" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def folder_of(file: Path) -> Path:
    """Where the tests of a module lie."""
    if file.parts[0] == "plugins":
        return Path("tests", "builtin", file.parts[1].removeprefix("thbench_"))
    return Path("tests", "core", *file.parts[1:-1][:1])


def imports(text: str) -> set[str]:
    """Modules that a file of tests names: `a.b` of `import a.b` and of `from a.b import c`, and `a.b.c`."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def tests_of(root: Path, file: Path) -> list[str]:
    """Files of tests: those of its folder with its name; else those there that import it; else any that do."""
    name, stem = module_name(file), f"test_{file.stem}"

    def has_name(tests: Path) -> bool:
        return tests.stem in (stem, f"{stem}s") or tests.stem.startswith(f"{stem}_")

    def is_for(tests: Path) -> bool:
        return file.stem in tests.stem or name in imports(tests.read_text(encoding="utf-8"))

    own = sorted((root / folder_of(file)).glob("test_*.py"))
    every = [
        f for d in ("core", "builtin") for f in sorted((root / "tests" / d).rglob("test_*.py"))
    ]
    found = [f for f in own if has_name(f)] or [f for f in own if is_for(f)]
    found = found or [f for f in every if name in imports(f.read_text(encoding="utf-8"))]
    scores = root / "tests" / "rules" / "test_scores.py"
    found += [scores] if file.parts[0] == "plugins" and scores.exists() else []
    return [str(f.relative_to(root)) for f in dict.fromkeys(found)]


def file_of(test: str) -> str:
    return test.partition("::")[0]


def chosen(mutant: Mutant, file: Path, ran: Ran, budget: float) -> list[str]:
    """The tests for a mutant: quick ones that run its lines, slower ones, then others that use the module.

    What runs on import is everybody's.
    """
    first, last = mutant.lines

    def place(test: str) -> tuple[int, bool, float] | None:
        entry = ran[test]
        lines = entry["lines"].get(str(file), ())
        if not lines and mutant.where:
            return None
        sees = not mutant.where or any(first <= line <= last for line in lines)
        named = file.stem in Path(file_of(test)).stem
        return (entry["seconds"] > QUICK) + 2 * (not sees), not named, entry["seconds"]

    places = {test: found for test in ran if (found := place(test))}
    files: dict[tuple[int, str], list[str]] = defaultdict(list)  # a file's fixtures are made once
    for test in sorted(places, key=places.__getitem__):
        files[places[test][0], file_of(test)].append(test)
    found, spent = [], 0.0
    for test in [t for key in sorted(files, key=lambda key: key[0]) for t in files[key]]:
        if spent + ran[test]["seconds"] <= budget:
            found.append(test)
            spent += ran[test]["seconds"]
    return found


# -- a copy of the checkout, and tests in it ------------------------------------------------------


def copied(folder: Path) -> Path:
    """The checkout's files, committed or not, without what git ignores; every module with a harmless statement."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for part in ("thbench", "plugins"):
        for module in (folder / part).rglob("*.py"):
            module.write_text(module.read_text(encoding="utf-8") + HARMLESS, encoding="utf-8")
    words = [sys.executable, "-m", "compileall", "-q", "thbench", "plugins"]
    subprocess.run(words, cwd=folder, check=True)
    return folder


def in_a_fork(run: Callable[[], int], log: Path, cpu: float, wall: float) -> int | None:
    """The exit code of `run` in a process of its own, whose output goes to `log`; None where it took too long."""
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for stream in (1, 2):
                os.dup2(out, stream)
            resource.setrlimit(resource.RLIMIT_CPU, (int(cpu), int(cpu) + 5))
            code = run()
            sys.stdout.flush()
            os._exit(code)
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(3)
    end = time.monotonic() + wall
    try:
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        return None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


@dataclass
class Asked:
    """A mutant, the tests for it, and the one that noticed it."""

    file: Path
    mutant: Mutant
    tests: list[str]
    ran: Ran
    killer: str | None = None

    @property
    def cpu(self) -> float:
        return SECONDS_TO_START + 5 * sum(self.ran[t]["seconds"] for t in self.tests)


@dataclass(frozen=True)
class Checkout:
    """The copy, with the folder of what its tests leave."""

    root: Path
    scratch: Path

    @property
    def log(self) -> Path:
        return self.scratch / "log.txt"

    def pytest(
        self, words: Sequence[str], cpu: float, wall: float, plugin: object | None = None
    ) -> int | None:
        def run() -> int:
            os.chdir(self.root)
            sys.dont_write_bytecode = True
            mine = [self.root, self.root / "plugins", self.root / "tests/tools"]
            sys.path[:0] = map(str, mine)
            os.environ["PYTHONPATH"] = os.pathsep.join(map(str, mine[:2]))
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            base = f"--basetemp={self.scratch / 'base'}"
            return int(pytest.main([*words, base], [plugin] if plugin else None))

        return in_a_fork(run, self.log, cpu, wall)

    def lines_run(self, files: Sequence[str], state: Path) -> dict[str, Ran]:
        """What each test of the files runs; asked once, kept in `state` until the file changes."""
        kept = {file: self._kept(file, state) for file in files}
        missing = [file for file, path in kept.items() if not path.exists()]
        found, words = state / "lines.new", [w for w in WORDS if w != "-x"]
        for i, file in enumerate(missing, 1):
            say(f"lines that tests run: file {i} of {len(missing)}, {file}")
            found.unlink(missing_ok=True)
            code = self.pytest(
                [*words, "-p", "lines_run", f"--lines-run={found}", file], 7200, 7200
            )
            if not found.exists() and code != NOTHING:
                raise SystemExit(f"the tests did not run:\n{self.log.read_text()[-4000:]}")
            kept[file].parent.mkdir(parents=True, exist_ok=True)
            kept[file].write_text(found.read_text() if found.exists() else "")
        read = {file: map(json.loads, path.read_text().splitlines()) for file, path in kept.items()}
        return {file: {entry["test"]: entry for entry in lines} for file, lines in read.items()}

    def _kept(self, file: str, state: Path) -> Path:
        key = hashlib.sha256(f"{file} {(self.root / file).read_text()}".encode()).hexdigest()[:20]
        return state / "lines" / f"{key}.jsonl"

    def swap_and_test(self, asked: Sequence[Asked], known: Callable[[Asked], None]) -> None:
        """Ask mutants of functions, in forks of one process that has collected all of their tests."""
        files = sorted({file_of(t) for one in asked for t in one.tests})
        if files:
            words = [w for w in WORDS if w != "-x"]
            code = self.pytest([*words, *files], 36000, 36000, Swapping(self, asked, known))
            if code not in (PASSED, NOTHING):
                raise SystemExit(f"exit {code}:\n{self.log.read_text()[-4000:]}")

    def write_and_test(self, one: Asked) -> None:
        """Ask a mutant in a fresh process."""
        if not one.tests:
            return
        with self.in_place(one):
            code = self.pytest([*WORDS, *one.tests], one.cpu, 300 + 10 * one.cpu)
            if code == USAGE:  # the mutant gives other parameters to a test
                files = dict.fromkeys(map(file_of, one.tests))
                code = self.pytest([*WORDS, *files], one.cpu, 300 + 10 * one.cpu)
        if code not in (PASSED, NOTHING):
            said = self.log.read_text(errors="replace").splitlines()
            failed = [line.split(" ")[1] for line in said if line.startswith(("FAILED ", "ERROR "))]
            one.killer = failed[0] if failed else f"exit {code}"

    def in_place(self, one: Asked) -> InPlace:
        return InPlace(self.root / one.file, one.mutant.text + HARMLESS)


class InPlace:
    """A module's text replaced for a while."""

    def __init__(self, module: Path, text: str) -> None:
        self.module, self.text = module, text
        self.sound = module.read_text(encoding="utf-8")

    def __enter__(self) -> None:
        self._write(self.text)

    def __exit__(self, *_: object) -> None:
        self._write(self.sound)

    def _write(self, text: str) -> None:
        """What was compiled goes: of the same second and size it would be taken for this text's."""
        self.module.write_text(text, encoding="utf-8")
        for old in (self.module.parent / "__pycache__").glob(f"{self.module.stem}.*.pyc"):
            old.unlink(missing_ok=True)


class Swapping:
    """A pytest plugin that, instead of running what was collected, asks mutants one after the other."""

    def __init__(
        self, checkout: Checkout, asked: Sequence[Asked], known: Callable[[Asked], None]
    ) -> None:
        self.checkout, self.asked, self.known = checkout, asked, known
        self.said = checkout.scratch / "killer.txt"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        first = {file_of(one.tests[0]): one.tests[0] for one in self.asked}
        for name in filter(items.get, first.values()):  # imports, shared fixtures
            runtestprotocol(items[name], log=False, nextitem=session)
        self.loaded = Loaded(("thbench",))
        for one in self.asked:
            tests = [items[name] for name in one.tests if name in items]
            self.said.write_text("")
            with self.checkout.in_place(one):
                code = in_a_fork(
                    partial(self._try, one, tests),
                    self.checkout.scratch / "fork.txt",
                    one.cpu,
                    300 + 10 * one.cpu,
                )
            if code not in (PASSED, UNFIT):  # an unfit one is asked again in a fresh process
                one.killer = self.said.read_text() or f"exit {code}"
            self.known(one)
        return True

    def _try(self, one: Asked, tests: Sequence[pytest.Item]) -> int:
        os.chdir(self.checkout.root)
        if not self.loaded.swap(str(self.checkout.root / one.file), one.mutant.text + HARMLESS):
            return UNFIT
        for item, following in zip(tests, [*tests[1:], None], strict=True):
            reports = runtestprotocol(item, log=False, nextitem=following)
            if any(report.failed for report in reports):
                self.said.write_text(item.nodeid)
                return 1
        return PASSED


# -- mutants that change nothing ------------------------------------------------------------------


def equivalents(file: Path = EQUIVALENT) -> list[dict[str, str]]:
    """Mutants that no test can notice: module, in, before, after, reason."""
    return yaml.safe_load(file.read_text(encoding="utf-8")) or [] if file.exists() else []


def is_equivalent(file: Path, mutant: Mutant, known: Sequence[Mapping[str, str]]) -> bool:
    same = (str(file), mutant.where, mutant.before, mutant.after)
    return any((e["module"], e["in"] or "", e["before"], e["after"]) == same for e in known)


# -- the whole way --------------------------------------------------------------------------------


@dataclass
class Score:
    """What became of a module's mutants."""

    file: Path
    possible: int
    killed: int = 0
    equivalent: int = 0
    left_out: int = 0
    survivors: list[Mutant] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.killed + len(self.survivors)

    def __str__(self) -> str:
        text = f"{self.file}: {self.killed} of {self.total} killed ({self.possible} possible"
        text += f", {self.equivalent} equivalent" * bool(self.equivalent)
        return text + f", {self.left_out} tests left out" * bool(self.left_out) + ")"


class Kept:
    """Outcomes of earlier calls; a survivor is asked again."""

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = file.read_text().splitlines() if file.exists() else []
        self.known = {entry["mutant"]: entry["by"] for entry in map(json.loads, lines)}

    def killer(self, file: Path, mutant: Mutant) -> str | None:
        return self.known.get(self.key(file, mutant))

    def add(self, one: Asked) -> None:
        key = self.key(one.file, one.mutant)
        entry = {"mutant": key, "by": one.killer, "said": f"{one.file}:{one.mutant}"}
        self.known[key] = one.killer
        say(f"{'killed' if one.killer else 'survived'}: {one.file}:{one.mutant}")
        with self.file.open("a") as out:
            out.write(json.dumps({**entry, "tests": len(one.tests)}) + "\n")

    def again(self) -> Kept:
        """As the forks have left it."""
        return Kept(self.file)

    @staticmethod
    def key(file: Path, mutant: Mutant) -> str:
        return hashlib.sha256(f"{file}\n{mutant.text}".encode()).hexdigest()[:24]


def sample_of(file: Path, size: int, seed: int) -> tuple[list[Mutant], int]:
    """The mutants to ask, in the order of the text, and how many there could be."""
    every = mutants_of((ROOT / file).read_text(encoding="utf-8"))
    rng = random.Random(f"{seed} {file}")
    return sorted(rng.sample(every, min(size, len(every))), key=lambda m: m.lines), len(every)


def measure(
    checkout: Checkout, files: Sequence[Path], given: argparse.Namespace, state: Path
) -> list[Score]:
    """Ask every mutant that is not known to be noticed."""
    kept, scores, known = Kept(state / "outcomes.jsonl"), [], equivalents()
    tests = {file: [*tests_of(checkout.root, file), *given.also] for file in files}
    ran = checkout.lines_run(list(dict.fromkeys(t for of in tests.values() for t in of)), state)
    sampled, asked = {}, []
    for file in files:
        mine = {name: entry for of in tests[file] for name, entry in ran[of].items()}
        sound: Ran = {name: entry for name, entry in mine.items() if entry["passed"]}
        sampled[file], possible = sample_of(file, given.sample, given.seed)
        scores.append(Score(file, possible, left_out=len(mine) - len(sound)))
        for mutant in sampled[file]:
            if not kept.killer(file, mutant) and not is_equivalent(file, mutant, known):
                chose = chosen(mutant, file, sound, given.budget)
                asked.append(Asked(file, mutant, chose, sound))
    say(f"{len(asked)} mutants to ask")
    checkout.swap_and_test([one for one in asked if one.mutant.where and one.tests], kept.add)
    kept = kept.again()
    for one in asked:
        if not kept.killer(one.file, one.mutant):  # also those that no swapped code showed
            checkout.write_and_test(one)
            kept.add(one)
    for of in scores:
        for mutant in sampled[of.file]:
            if is_equivalent(of.file, mutant, known):
                of.equivalent += 1
            elif kept.killer(of.file, mutant):
                of.killed += 1
            else:
                of.survivors.append(mutant)
    return scores


def table(scores: Sequence[Score]) -> Iterator[str]:
    """Markdown: a line per folder, killed of asked per module."""
    folders: dict[str, list[Score]] = {}
    for one in scores:
        folders.setdefault(str(one.file.parent), []).append(one)
    yield "| folder | killed | module: killed/mutants |"
    yield "| --- | --- | --- |"
    for folder, of in folders.items():
        each = ", ".join(f"{s.file.stem} {s.killed}/{s.total}" for s in of)
        yield f"| `{folder}` | {sum(s.killed for s in of)}/{sum(s.total for s in of)} | {each} |"
    killed, total = sum(s.killed for s in scores), sum(s.total for s in scores)
    same = sum(s.equivalent for s in scores)
    yield ""
    yield f"{killed} of {total} killed, {killed / max(total, 1):.1%}; {same} more are equivalent."


def modules(paths: Sequence[Path]) -> list[Path]:
    """The modules of files and folders that have any mutant."""
    found = []
    for path in paths:
        files = sorted((ROOT / path).rglob("*.py")) if (ROOT / path).is_dir() else [ROOT / path]
        found += [f.relative_to(ROOT) for f in files]
    return [f for f in found if mutants_of((ROOT / f).read_text(encoding="utf-8"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="+", type=Path, help="files or folders, from the root")
    parser.add_argument("--sample", type=int, default=10, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--also", nargs="*", default=[], help="further files of tests")
    parser.add_argument("--budget", type=float, default=10, help="seconds of tests per mutant")
    parser.add_argument("--state", type=Path, help="folder of outcomes to go on from")
    given = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["TQDM_DISABLE"] = "1"
    for name in HEAVY:
        __import__(name)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        state = (given.state or folder / "state").resolve()
        state.mkdir(parents=True, exist_ok=True)
        os.environ["THBENCH_TEST_ASSETS"] = str(folder / "no-assets")
        (folder / "checkout").mkdir()
        checkout = Checkout(copied(folder / "checkout"), folder)
        scores = measure(checkout, modules(given.modules), given, state)
    for one in scores:
        print(one)
        for mutant in one.survivors:
            print(f"    survived: {one.file}:{mutant} (in {mutant.where or 'the module'})")
    print("\n".join(["", *table(scores)]))


if __name__ == "__main__":
    main()
