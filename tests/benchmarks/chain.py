"""The whole chain beside the peers' own programs: `python tests/benchmarks/chain.py --rounds 5`.

Decode, FID, KID, OFM, F-MSE and SyncNet of the same clips, with the same random weights, in each round:
the peers one after another, thbench cold, thbench with a second system whose references are known, and
thbench with nothing changed. Prints medians with their spread, the ratio of every round to its own
peers, and how far the numbers are from the peers' (which are given the very frames that thbench decodes).

    python -m venv peers && peers/bin/pip install torch-fidelity torch opencv-python scipy python_speech_features
    git clone https://github.com/joonson/syncnet_python
    python tests/benchmarks/chain.py --peers peers/bin/python --syncnet-python syncnet_python

Clips: drawn people, or with --real those of THBENCH_TEST_ASSETS. A peer that is not there is left out, and so
are the metrics it would have computed. Timings of a machine that others use are noise: the load is
printed, only ratios within one round are compared, and with `--cpu --cores 1` it is CPU time.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins"), str(ROOT / "tests" / "support")]

METRICS = {"fidelity": ("fid", "kid"), "flow": ("ofm", "f_mse"), "syncnet": ("syncnet",)}
SYSTEMS = ("first", "second")
SUITE = """\
schema: 1
name: chain
dataset: {{name: clips, root: refs}}
split: all
controls: [ground-truth]
metrics: [{metrics}]
primary: {primary}
systems:
"""
SYSTEM = "  {name}: {{generator: folder, root: {name}, resolution: {size}}}\n"
RANDOM_WEIGHTS = """\
import thbench.plugins.weights as weights
known = weights.status
random = ("inception-2015", "syncnet", "alexnet", "i3d-kinetics400", "arcface")
weights.status = lambda name, items: "present" if name in random else known(name, items)
"""
"""Every Python process of thbench runs this first: files of random weights are taken as they are."""
Times = dict[str, list[float]]


# -- what is scored ---------------------------------------------------------------------------------


def sources(given: argparse.Namespace) -> Iterator[tuple[Any, Any]]:
    """Frames [T, size, size, 3] and sound, `clips` times `seconds`; the last a third shorter than the first."""
    most = [round(25 * given.seconds * (1 - i / (3 * given.clips))) for i in range(given.clips)]
    for n, (frames, audio) in zip(most, real() if given.real else drawn(given.size), strict=False):
        repeated = np.resize(np.arange(2 * len(frames) - 1), n)  # forwards and back where too short
        order = np.where(repeated < len(frames), repeated, 2 * len(frames) - 2 - repeated)
        sound = np.resize(audio, n * 640)
        yield resized(frames[order], given.size), sound


def real() -> Iterator[tuple[Any, Any]]:
    from thbench.video import MediaReader

    reader = MediaReader()
    assets = Path(os.environ.get("THBENCH_TEST_ASSETS", ROOT.parent / "shared"))
    files = sorted([*assets.glob("clips/crema_d/*.flv"), *assets.glob("clips/grid/*.mpg")])
    assert files, f"no clips under {assets}: set THBENCH_TEST_ASSETS"
    for file in files:
        recording = reader.read(file)
        if recording.audio is not None:
            yield recording.frames, recording.audio


def drawn(size: int) -> Iterator[tuple[Any, Any]]:
    from thbench_puppet.dataset import make
    from thbench_puppet.names import all_clips

    for clip in all_clips()[::97]:
        source = make(clip.id, size)
        yield source.frames, source.audio


def resized(frames: Any, size: int) -> Any:
    import cv2

    height, width = frames.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = frames[:, top : top + side, left : left + side]
    return np.stack([cv2.resize(f, (size, size), interpolation=cv2.INTER_AREA) for f in square])


def prepare(folder: Path, given: argparse.Namespace) -> None:
    """Videos of the references and of two systems, their decoded frames for the peers, and weights.

    The tree is compiled, as pip compiled the peers: an environment may forbid Python to keep bytecode.
    """
    for part in ("thbench", "plugins"):
        compileall.compile_dir(ROOT / part, quiet=1)
    from thbench.video import MediaReader, write_h264

    reader = MediaReader()
    for i, (frames, audio) in enumerate(sources(given)):
        softer = np.clip(frames.astype(np.int16) * 15 // 16 + 8, 0, 255).astype(np.uint8)
        for part, shown, crf in (
            ("refs", frames, 12),
            ("first", softer, 24),
            ("second", frames, 34),
        ):
            file = folder / part / f"c{i:03}.mp4"
            for parent in (file.parent, folder / "arrays" / part):
                parent.mkdir(parents=True, exist_ok=True)
            write_h264(file, shown, audio, crf=crf)
            seen = reader.read(file)
            assert seen.audio is not None
            heard = seen.audio[: len(seen.frames) * 640]
            np.savez(folder / "arrays" / part / f"c{i:03}.npz", frames=seen.frames, audio=heard)
    write_weights(folder)


def write_weights(folder: Path) -> None:
    """Random Inception and SyncNet that tell implementations apart, under the names of the published files."""
    import torch

    import random_inception
    import random_syncnet
    import thbench_fid
    from thbench_syncnet.features import lip_windows, sound_windows

    store = folder / "weights"
    store.mkdir()
    with np.load(random_inception.REFERENCE, allow_pickle=False) as stored:
        state = random_inception.random_state({name: stored[name] for name in stored.files})
    torch.save(state, store / thbench_fid.INCEPTION.file)
    counters = {k.replace("running_var", "num_batches_tracked"): torch.tensor(0) for k in state}
    torch.save({**counters, **state}, folder / "inception-for-peers.pth")
    frames, audio = random_syncnet.synthetic_clip()
    lip = lip_windows(frames[..., ::-1], 0, 16).unflatten(1, (5, 3)).transpose(1, 2)
    start = random_syncnet.random_state(6, {})
    norms = random_syncnet.calibrated_norms(start, lip, sound_windows(audio, 16))
    torch.save(random_syncnet.random_state(6, norms), store / "syncnet_v2.model")
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(RANDOM_WEIGHTS)


# -- programs ---------------------------------------------------------------------------------------


def run(
    words: Sequence[object], environment: Mapping[str, str], given: argparse.Namespace
) -> tuple[float, str]:
    """Seconds and standard output of a program that sees the first `--cores` cores."""
    own = sorted(os.sched_getaffinity(0))[: given.cores]
    threads = {"OMP_NUM_THREADS": str(given.cores), "MKL_NUM_THREADS": str(given.cores)}
    clock = cpu_of_children if given.cpu else time.perf_counter
    start = clock()
    done = subprocess.run(
        ["taskset", "-c", ",".join(map(str, own)), *map(str, words)],
        env={**os.environ, **threads, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return clock() - start, done.stdout


def cpu_of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def peer(part: str, folder: Path, system: str, given: argparse.Namespace) -> tuple[float, Any]:
    words = [given.peers, HERE / "chain_peers.py", part, folder, system]
    seconds, text = run(words, {"THBENCH_SYNCNET_PYTHON": given.syncnet_python or ""}, given)
    return seconds, json.loads(text.splitlines()[-1])["numbers"]


def suite_of(folder: Path, parts: Sequence[str], systems: Sequence[str], size: int) -> Path:
    metrics = [name for part in parts for name in METRICS[part]]
    primary = {"syncnet": "av_confidence"}.get(metrics[0], metrics[0])
    text = SUITE.format(metrics=", ".join(metrics), primary=primary)
    text += "".join(SYSTEM.format(name=name, size=size) for name in systems)
    file = folder / f"{'-'.join([*systems, *parts])}.yaml"
    file.write_text(text)
    return file


def thbench(
    folder: Path, suite: Path, place: Path, given: argparse.Namespace
) -> tuple[float, Path]:
    paths = [folder / "site", ROOT, ROOT / "plugins"]
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "THBENCH_CACHE": str(place / "cache"),
        "THBENCH_WEIGHTS": str(folder / "weights"),
        "TQDM_DISABLE": "1",
    }
    words = [sys.executable, "-m", "thbench", "run", suite, "--out", place / "run"]
    seconds, _ = run([*words, "--workers", given.cores], environment, given)
    return seconds, place / "run"


def numbers_of(result: Path, parts: Sequence[str]) -> dict[str, float | None]:
    """The numbers that the peers give, from a result and its ground truth's."""
    found = {}
    names = {"syncnet": ("av_offset", "av_confidence", "lse_d")}
    size = next((result / "controls").iterdir())
    rows = {"": result / "systems/first", "reference.": size / "ground-truth"}
    for side, row in rows.items():
        scores = json.loads((row / "result.json").read_text())["scores"]
        for name in (n for part in parts for n in names.get(part, METRICS[part])):
            if not (side and name in ("fid", "kid")):
                found[side + name] = scores[name]["value"]
    return found


# -- rounds -----------------------------------------------------------------------------------------


def one_round(
    folder: Path, parts: Sequence[str], given: argparse.Namespace, times: Times
) -> dict[str, tuple[float, float | None]]:
    """Everything once, in an order that puts the peers beside what they are compared with."""
    theirs: dict[str, float] = {}
    for part in parts:
        seconds, numbers = peer(part, folder, "first", given)
        times[f"peer {part}"].append(seconds)
        theirs |= numbers
    times["peers"].append(sum(times[f"peer {part}"][-1] for part in parts))
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        first = suite_of(folder, parts, SYSTEMS[:1], given.size)
        seconds, result = thbench(folder, first, place, given)
        times["thbench cold"].append(seconds)
        ours = numbers_of(result, parts)
        times["thbench unchanged"].append(thbench(folder, first, place, given)[0])
        second = suite_of(folder, parts, SYSTEMS, given.size)
        times["thbench second system"].append(thbench(folder, second, place, given)[0])
    if given.parts:
        for part in parts:
            with tempfile.TemporaryDirectory(dir=folder) as name:
                alone = suite_of(folder, [part], SYSTEMS[:1], given.size)
                times[f"thbench {part}"].append(thbench(folder, alone, Path(name), given)[0])
    return {name: (theirs[name], ours[name]) for name in theirs}


def report(times: Times, numbers: Mapping[str, tuple[float, float | None]]) -> None:
    for name, seconds in times.items():
        print(f"{name:24s} {spread(seconds)} s")
    for name in [n for n in times if n.startswith("thbench ")]:
        beside = f"peer {name.removeprefix('thbench ')}"
        beside = beside if beside in times else "peers"
        ratios = [p / t for p, t in zip(times[beside], times[name], strict=True)]
        print(f"{beside} / {name:24s} {spread(ratios)} x")
    for name, (theirs, ours) in numbers.items():
        if ours is None:
            print(f"{name:24s} peer {theirs:.9g}  thbench gives no number for so short a clip")
            continue
        print(f"{name:24s} peer {theirs:.9g}  thbench {ours:.9g}  {far(theirs, ours):.1e} apart")


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):9.2f}  ({min(values):.2f} .. {max(values):.2f}, {len(values)} rounds)"


def far(theirs: float, ours: float) -> float:
    return abs(theirs - ours) / max(abs(theirs), abs(ours), 1e-12)


def available(given: argparse.Namespace) -> list[str]:
    """The parts whose peers can be run, what is left out being said."""
    parts = []
    for part, needs in (
        ("fidelity", "torch_fidelity"),
        ("syncnet", "python_speech_features"),
        ("flow", "cv2"),
    ):
        ask = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({needs!r}))"
        absent = subprocess.run([given.peers, "-c", ask], check=False).returncode
        if part == "syncnet" and not given.syncnet_python:
            print(
                "left out: syncnet (--syncnet-python FOLDER, a checkout of joonson/syncnet_python)"
            )
        elif absent:
            print(f"left out: {part} ({given.peers} has no {needs})")
        else:
            parts.append(part)
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--cpu", action="store_true", help="CPU time, where others use the machine")
    parser.add_argument("--real", action="store_true", help="clips of THBENCH_TEST_ASSETS")
    parser.add_argument("--parts", action="store_true", help="thbench part by part as well")
    parser.add_argument("--peers", default=sys.executable, help="python of the peers' environment")
    parser.add_argument("--syncnet-python", help="a checkout of joonson/syncnet_python")
    given = parser.parse_args()
    if given.syncnet_python:
        given.syncnet_python = str(Path(given.syncnet_python).absolute())
    parts = available(given)
    assert shutil.which("taskset"), "taskset (util-linux) holds programs to --cores"
    times: Times = defaultdict(list)
    numbers: dict[str, tuple[float, float | None]] = {}
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), given)
        for i in range(given.rounds):
            numbers = one_round(Path(name), parts, given, times)
            load = os.getloadavg()[0] / (os.cpu_count() or 1)
            said = ", ".join(f"{n} {s[-1]:.1f}" for n, s in times.items())
            print(f"round {i + 1}: {said}; load {load:.1f} a core", flush=True)
    report(times, numbers)
    apart = {n: far(*pair) for n, pair in numbers.items() if far(*pair) > 1e-5}
    if apart:
        print(f"further apart than 1e-5: {apart}")


if __name__ == "__main__":
    main()
