"""Mutation testing: how many small faults in a module do its tests notice?

    python tests/tools/mutate.py thbench/score/keys.py plugins/thbench_fid/kid.py --sample 5 --seed 1

Works on a copy of the checkout. Each mutant has one expression changed, and the tests of its module run until one fails:
`tests/core/FOLDER` for `thbench/FOLDER`, `tests/builtin/NAME` for `plugins/thbench_NAME`, and `--also` paths. A mutant
that no test notices has survived and is printed: kill it with a test, or say why it changes nothing.
Operators: comparisons (< and <=, > and >=, == and !=), arithmetic (+ and -, * and /, // to /), `and` and `or`, dropped
`not`, an entry left out of a list or dict, numbers plus one, True and False, `min` and `max`. Docstrings, annotations and lines under TYPE_CHECKING are left alone.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
JOINED = {ast.And: ast.Or, ast.Or: ast.And}
CALLED = {"min": "max", "max": "min"}


@dataclass(frozen=True)
class Mutant:
    """One changed expression of a module, and the module's whole text with it."""

    file: Path
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before}  ->  {self.after}"


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """The node with one fault in itself (its children are asked for theirs)."""
    new = copy.deepcopy(node)
    match new:
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                if type(op) in COMPARED:
                    new = copy.deepcopy(node)
                    new.ops[i] = COMPARED[type(op)]()
                    yield new
        case ast.List(elts=[_, _, *_] as entries, ctx=ast.Load()):
            for i in range(len(entries)):
                yield ast.List([*new.elts[:i], *new.elts[i + 1 :]], ast.Load())
        case ast.Dict(keys=[_, _, *_] as names):
            for i in range(len(names)):
                kept = [j for j in range(len(names)) if j != i]
                yield ast.Dict([new.keys[j] for j in kept], [new.values[j] for j in kept])
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in COMPUTED:
            new.op = COMPUTED[type(op)]()
            yield new
        case ast.BoolOp(op=op):
            new.op = JOINED[type(op)]()
            yield new
        case ast.UnaryOp(op=ast.Not()):
            yield new.operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in CALLED:
            new.func = ast.Name(CALLED[name])
            yield new


def is_left_alone(node: ast.AST) -> bool:
    """Whether nothing under the node runs: `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def places(parent: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(parent, field, index, child) of every node that runs, in the order of the text."""
    for name, value in ast.iter_fields(parent):
        if name in ("annotation", "returns"):
            continue
        for i, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST) and not is_left_alone(child):
                yield parent, name, i if isinstance(value, list) else None, child
                yield from places(child)


def put(parent: ast.AST, name: str, index: int | None, child: ast.AST) -> None:
    if index is None:
        setattr(parent, name, child)
    else:
        getattr(parent, name)[index] = child


def mutants_of(file: Path) -> list[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = []
    for parent, name, index, child in places(tree):
        for new in replacements(child):
            put(parent, name, index, new)
            text = ast.unparse(ast.fix_missing_locations(tree))
            put(parent, name, index, child)
            line = getattr(child, "lineno", 0)
            shown = (
                parent
                if isinstance(child, ast.Constant) and isinstance(parent, ast.expr)
                else child
            )
            before = ast.unparse(shown)
            put(parent, name, index, new)
            after = ast.unparse(shown if shown is parent else new)
            put(parent, name, index, child)
            found.append(Mutant(file, line, before, after, text))
    return found


def tests_of(file: Path) -> list[list[str]]:
    """Where the tests of a module are: first the files named after it, then the others of its folder."""
    parts = file.parts
    if parts[0] == "plugins":
        folder = ROOT / "tests" / "builtin" / parts[1].removeprefix("thbench_")
        more = ["tests/rules/test_scores.py"]
    elif len(parts) == 2:
        return [[f"tests/core/test_{file.stem}.py"]]
    else:
        folder, more = ROOT / "tests" / "core" / parts[1], []
    files = sorted(folder.glob("test_*.py"))
    named = [str(f.relative_to(ROOT)) for f in files if file.stem in f.stem]
    others = [str(f.relative_to(ROOT)) for f in files if file.stem not in f.stem]
    return [group for group in (named, [*others, *more]) if group]


def copied(folder: Path) -> Path:
    """The checkout's files, committed or not, without what git ignores."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def fails(checkout: Path, tests: list[str], seconds: float | None) -> bool:
    """Whether a test fails, or nothing comes of them in time."""
    paths = [checkout, checkout / "plugins"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    words = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]
    command = [sys.executable, "-P", "-m", "pytest", *words]
    try:
        done = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in (0, 1, 2):
        raise SystemExit(done.stdout.decode() + done.stderr.decode())
    return done.returncode != 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="+", type=Path, help="paths from the repository root")
    parser.add_argument("--sample", type=int, default=5, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--also", nargs="*", default=[], help="further paths of tests")
    parser.add_argument("--timeout", type=float, default=900, help="seconds a mutant may take")
    given = parser.parse_args()
    killed = total = 0
    with tempfile.TemporaryDirectory() as name:
        checkout = copied(Path(name))
        for file in given.modules:
            every, groups = (
                mutants_of(file),
                [*tests_of(file), *([given.also] if given.also else [])],
            )
            rng = random.Random(f"{given.seed} {file}")
            chosen = sorted(rng.sample(every, min(given.sample, len(every))), key=lambda m: m.line)
            if not groups:
                raise SystemExit(f"{file}: no tests in the folder of its path")
            for tests in groups:
                if fails(checkout, tests, None):
                    raise SystemExit(f"they fail without any fault: {' '.join(tests)}")
            survivors = []
            for mutant in chosen:
                (checkout / file).write_text(mutant.text, encoding="utf-8")
                if not any(fails(checkout, tests, given.timeout) for tests in groups):
                    survivors.append(mutant)
            shutil.copy2(ROOT / file, checkout / file)
            dead = len(chosen) - len(survivors)
            print(f"{file}: {dead} of {len(chosen)} killed ({len(every)} possible)", flush=True)
            for mutant in survivors:
                print(f"    survived: {mutant}", flush=True)
            killed, total = killed + dead, total + len(chosen)
    print(f"{killed} of {total} killed, {killed / max(total, 1):.0%}")


if __name__ == "__main__":
    main()
