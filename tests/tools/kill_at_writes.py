"""Kill -9 commands at the moments when they touch the disk, and see that the next ones end in the same bytes.

    python tests/tools/kill_at_writes.py --kills 200                  # over all commands together
    python tests/tools/kill_at_writes.py --kills 40 --commands report,merge

Every command is forked from this process, which has all modules loaded, and kills itself at an event that is
drawn among all at which a calm run opens a file to write, renames, removes or makes something. After every
kill, what stands under a final name is whole; after the last kill of a round the command runs to its end,
and everything it promises has the bytes of a calm run, and nothing else lies about, in the temporary
folder neither. tests/whole/test_kill_at_writes.py is the short form.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
sys.path[:0] = [str(ROOT), str(ROOT / "plugins"), str(SUPPORT), str(SUPPORT / "toys")]

from runs import EVERY_CONTROL, start  # noqa: E402
from thbench.files.atomic import is_temporary  # noqa: E402

COMMANDS = ("generate", "score", "fetch", "prepare", "add", "report", "merge")
_TOUCHES = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.link",
    "os.symlink",
}


@dataclass(frozen=True)
class Scene:
    """A command that works in a folder which is copied from `start` for every round.

    words  of the command, for the folder of the round
    keeps  what may differ between two calm runs: logs with times, locks
    """

    start: Path
    words: Callable[[Path], list[str]]
    keeps: Callable[[str], bool] = field(default=lambda name: True)


def touches(event: str, given: tuple[Any, ...]) -> bool:
    if event != "open":
        return event in _TOUCHES
    _, mode, flags = (*given, None, None)[:3]
    if isinstance(mode, str):
        return any(c in mode for c in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def forked(
    words: list[str], folder: Path, kill_at: int | None, quiet: bool = False
) -> tuple[int, int]:
    """(how it ended as subprocess has it, events that it came to); it is killed at event `kill_at`, from 0."""
    counted, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(counted)
        _become(words, folder, kill_at, told, quiet)
    os.close(told)
    with os.fdopen(counted, "rb") as pipe:
        seen = len(pipe.read())
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), seen


def _become(words: list[str], folder: Path, kill_at: int | None, told: int, quiet: bool) -> None:
    """The command itself, in the forked process."""
    from thbench.cli.main import main

    seen = 0

    def watch(event: str, given: tuple[Any, ...]) -> None:
        nonlocal seen
        if touches(event, given) and str(given[0]) != os.devnull:
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1
            os.write(told, b".")

    output, code = io.StringIO(), 1
    try:
        os.chdir(folder)
        os.environ["THBENCH_CACHE"] = str(folder / "cache")
        os.environ["THBENCH_WEIGHTS"] = str(folder / "weights")
        os.environ["TMPDIR"] = str(folder / "tmp")
        tempfile.tempdir = None
        sys.argv = ["thbench", *words]
        sys.addaudithook(watch)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        if code and not quiet:
            os.write(2, output.getvalue().encode("utf-8", "replace"))
        os._exit(code)


# -- scenes ---------------------------------------------------------------------------------------------


def scenes(folder: Path, stack: ExitStack) -> Iterator[tuple[str, Scene]]:
    """Every command with the folder it starts from; made calmly, one from the other."""
    toys = fresh(folder / "toys")
    (toys / "suite.yaml").write_text(EVERY_CONTROL)
    on_run = ["suite.yaml", "--out", "run", "--batch", "2"]
    yield "generate", Scene(toys, lambda _: ["generate", *on_run], _is_promised)
    generated = done(toys, folder / "generated", ["generate", *on_run])
    yield "score", Scene(generated, lambda _: ["score", *on_run], _is_promised)
    scored = done(generated, folder / "scored", ["score", *on_run])
    yield "report", Scene(scored, lambda _: ["report", "run", "--clips", "2"], _is_promised)
    add = ["leaderboard", "add", "run", "--to", "board", "--pin", "--features", "--submitter", "x"]
    yield "add", Scene(scored, lambda _: add, _is_promised)
    parts = toys
    for k in (1, 2):
        words = ["run", *on_run, "--shard", f"{k}/2"]
        parts = done(parts, folder / f"part{k}", words)
    yield "merge", Scene(parts, lambda _: ["merge", "run"], _is_promised)
    yield "fetch", _fetching(fresh(folder / "fetching"), stack)
    yield "prepare", _preparing(fresh(folder / "preparing"), stack)


def _is_promised(name: str) -> bool:
    """Not what tells when and by whom something was done, and no lock."""
    last = name.rpartition("/")[2]
    return not last.startswith(".lock") and last not in ("timings.jsonl", "events.jsonl")


def fresh(folder: Path) -> Path:
    (folder / "tmp").mkdir(parents=True)
    return folder


def done(start: Path, folder: Path, words: list[str]) -> Path:
    """A copy of `start` in which a command has run to its end."""
    shutil.copytree(start, folder)
    code, _ = forked(words, folder, None)
    assert code == 0, (words, code)
    return folder


def _fetching(folder: Path, stack: ExitStack) -> Scene:
    """Two files from an HTTP server of this process."""
    from mirror import CONTENT, SHA, serving
    from thbench.api import WeightsFile
    from thbench.plugins.discovery import Owner, registry

    address = stack.enter_context(serving())
    for name, sha in (("net-a", SHA), ("net-b", None)):
        item = WeightsFile(
            name, f"{name}.bin", (f"{address}/good",), sha, len(CONTENT), "any", commercial=True
        )
        registry().weights_owners[name] = [(item, Owner("toys", "1", "toys", "toys"))]
    return Scene(folder, lambda _: ["weights", "fetch", "net-a", "net-b"], _is_no_date)


def _is_no_date(name: str) -> bool:
    return not name.endswith(".sha256.json")


def _preparing(folder: Path, stack: ExitStack) -> Scene:
    """Three drawn clips of CREMA-D, whose faces a stand-in knows."""
    import thbench_crema_d.prepare
    import thbench_face
    from drawn_crema import CLIPS, Knowing, drawn, make_drawn_tree
    from thbench.plugins.discovery import registry

    clips = {name: drawn(name) for name in CLIPS}
    make_drawn_tree(folder / "published", clips)
    knowing = Knowing(clips)
    (folder / "weights").mkdir()
    for name in ("YUNET", "PFLD"):
        item = getattr(thbench_face, name)
        (folder / "weights" / item.file).write_bytes(b"a stand-in")
        own = replace(item, sha256=hashlib.sha256(b"a stand-in").hexdigest(), size=10)
        registry().weights_owners[item.name] = [
            (own, owner) for _, owner in registry().weights_owners[item.name]
        ]
    thbench_crema_d.prepare.backend = lambda *given: knowing  # type: ignore[attr-defined]

    def words(here: Path) -> list[str]:
        where = {"root": "published", "prepared": "prepared", "manifest": "published/files.csv"}
        options = [f"dataset.{k}={here / v}" for k, v in where.items()]
        options.append("split={test: [1001, 1005, 1091]}")
        return ["data", "prepare", "crema_d", *(w for o in options for w in ("--set", o))]

    return Scene(folder, words, _is_no_date)


# -- one round -------------------------------------------------------------------------------------------


def contents(scene: Scene, folder: Path) -> dict[str, bytes]:
    """Everything that is promised, by name, temporary files left out."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and not is_temporary(p))
    names = ((p.relative_to(folder).as_posix(), p) for p in files)
    return {n: p.read_bytes() for n, p in names if scene.keeps(n) and not n.startswith("tmp/")}


def litter(folder: Path) -> list[str]:
    """What a command must not leave: its temporary files, anything in the temporary folder."""
    left = [p for p in folder.rglob("*") if is_temporary(p)]
    return sorted(str(p) for p in [*left, *(folder / "tmp").iterdir()])


@dataclass
class Tally:
    kills: int = 0
    rounds: int = 0
    events: int = 0


def disturb(scene: Scene, folder: Path, kills: int, seed: int) -> Tally:
    """Kill a command so often. Raises AssertionError for any loss, difference or litter."""
    draw, tally = random.Random(seed), Tally()
    place = folder / "round"  # one path for all rounds: runs say where their files lie
    shutil.copytree(scene.start, place)
    code, tally.events = forked(scene.words(place), place, None)
    assert code == 0 and tally.events > 0
    calm = contents(scene, place)
    assert not litter(place), litter(place)
    shutil.rmtree(place)
    while tally.kills < kills:
        tally.rounds += 1
        shutil.copytree(scene.start, place)
        for _ in range(draw.randint(1, 3)):
            moment = draw.randrange(tally.events)
            code, _ = forked(scene.words(place), place, moment)
            if code == 0:
                break
            assert code == -signal.SIGKILL, code
            tally.kills += 1
            _check_whole(scene, place, calm)
        code, _ = forked(scene.words(place), place, None)
        assert code == 0, code
        _check_equal(contents(scene, place), calm)
        assert not litter(place), litter(place)
        shutil.rmtree(place)
    return tally


def _check_whole(scene: Scene, place: Path, calm: Mapping[str, bytes]) -> None:
    """Nothing under a final name is cut off: it is as before, as at the end, or a whole step of a journal."""
    before = contents(scene, scene.start)
    for name, content in contents(scene, place).items():
        if name.endswith(".jsonl"):
            assert (
                not content or content.endswith(b"\n") or calm.get(name, b"").startswith(content)
            ), name
        elif name in calm or name in before:
            assert content in (calm.get(name), before.get(name)), name


def _check_equal(found: Mapping[str, bytes], calm: Mapping[str, bytes]) -> None:
    differ = sorted(n for n in {*found, *calm} if found.get(n) != calm.get(n))
    assert not differ, differ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="over all commands together")
    parser.add_argument("--commands", default=",".join(COMMANDS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    wanted = given.commands.split(",")
    share, total = -(-given.kills // len(wanted)), 0
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        ready()
        for command, scene in scenes(folder / "scenes", stack):
            if command not in wanted:
                continue
            begun = time.monotonic()
            tally = disturb(scene, fresh(folder / command), share, given.seed)
            total += tally.kills
            print(
                f"| {command} | {tally.kills} | {tally.rounds} | {tally.events} | "
                f"{time.monotonic() - begun:.0f} s |",
                flush=True,
            )
    print(f"{total} kills: every rerun ended in the bytes of a calm run, and nothing was left")


def ready() -> None:
    """Load what commands load, once, before anything is forked; no thread may run by then."""
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, [SUPPORT / "toys"]))
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    import thbench.pipeline
    import thbench.report.page  # noqa: F401
    from thbench.plugins.discovery import registry

    registry()
    with (
        tempfile.TemporaryDirectory() as name
    ):  # digests of code, once: each fork would make them again
        os.environ["THBENCH_CACHE"] = f"{name}/cache"
        start(Path(name)).both()
    gc.freeze()


if __name__ == "__main__":
    main()
