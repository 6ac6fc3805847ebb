"""A finished run of the demo's seven metrics without media: journals and observations through the harness's own store.

`python tests/tools/synthetic.py --clips 100000 --actors 1000` fills a folder, then plans, resumes (or
merges `--shards`), reduces and writes the results in a process of its own, and prints the time of every stage and the peak memory.
Every observation has the numbers and arrays, by name and shape, that its metric makes of `--frames` frames.
With `--linked` the shards' journals and packs are written as they are at the end, and clips share a few files of arrays
by hard links: a fiftieth of the work, and what is read afterwards is the same but for a disk that is warm.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[1] / "support"
sys.path[:0] = [str(SUPPORT.parents[1]), str(SUPPORT), str(SUPPORT / "toys")]
import numpy as np  # noqa: E402, I001
from click.testing import CliRunner  # noqa: E402
from runs import EVERY_CONTROL, Run, start  # noqa: E402
from thbench.api import Clip, Observation  # noqa: E402
from thbench.files.canonical import digest  # noqa: E402
from thbench.controls import GROUND_TRUTH  # noqa: E402
from thbench.files.journal import Journal  # noqa: E402
from thbench.score.keys import keybook_of, observation_cache  # noqa: E402
from thbench.results.document import Result, read_result  # noqa: E402
from thbench.run.folder import Record, Shard, reference_mark  # noqa: E402
from thbench.engines.local import LocalEngine  # noqa: E402
from thbench.score.packing import Packing  # noqa: E402
from thbench.score.packs import packed, write_pack  # noqa: E402
from thbench.score.stage import REFERENCES, observe_part  # noqa: E402
from thbench.suite.split import Split  # noqa: E402
from thbench.files.cache import Cache, Entry  # noqa: E402
from thbench.run.job import Job, suite_of  # noqa: E402

SIZE = 32
SENTENCES = 3
"""Of every toy actor; further clips are takes of them."""
METRICS = ("fid@puppet-v1", "kid@puppet-v1", "syncnet@puppet-v1", "ofm", "f_mse", "psnr", "ssim")


def suite_text(clips: int, actors: int, metrics: Sequence[str] = METRICS) -> str:
    takes = -(-clips // (actors * SENTENCES))
    text = EVERY_CONTROL.replace(
        "{name: toy}", f"{{name: toy, n_actors: {actors}, takes: {takes}}}"
    )
    text = text.replace("[toy-brightness]", json.dumps(metrics))
    return text.replace("primary: brightness", f"primary: {metrics[0]}") + (
        f"controls: [{GROUND_TRUTH}, reference-halves]\nlimits: {{clips: {clips}}}\n"
    )


def observation(metric: str, seed: int, frames: int) -> Observation:
    """What `metric` would have made of a clip, with numbers drawn from `seed`."""
    draw = np.random.default_rng(seed)
    if metric in ("fid", "kid"):
        features = draw.standard_normal((frames, 128), np.float32)
        return Observation({f"{metric}_frames": float(frames)}, {"features": features})
    if metric == "syncnet":
        confidence, distance = draw.uniform(1, 8, 2).tolist()
        rows = {"offset": float(draw.integers(-3, 4)), "confidence": confidence, "lse_d": distance}
        arrays = {
            "mean_distances": draw.uniform(5, 12, 31),
            "mean_distances.offset": np.arange(15, -16, -1),
            "window_confidence": draw.uniform(0, 9, frames - 4),
        }
        return Observation({**rows, "n_windows": frames - 4.0, "frames_without_audio": 0.0}, arrays)
    if metric == "ofm":
        length, beyond, carried = draw.uniform(0, 0.1, 3).tolist()
        return Observation({"ofm": length, "ofm_beyond": beyond, "ofm_carried_beyond": carried})
    low, high = {"f_mse": (5, 90), "psnr": (18, 35), "ssim": (0.5, 0.95)}[metric]
    return Observation({metric: float(draw.uniform(low, high))})


def fill(run: Run, shards: int = 0, frames: int = 8) -> None:
    """Write what generate and observe would have left for every clip of the split, shards their packs as well."""
    if not shards:
        write(run.job, run.split.clips, frames)
        return
    from thbench.run.shards import part_of, shard_locked

    for number in range(1, shards + 1):
        shard = Shard(number, shards)
        job = replace(run.job, run=replace(run.job.run, shard=shard))
        with shard_locked(job, run.split):
            part = part_of(run.split, shard)
            write(job, part.clips, frames)
            observe_part(job, part, LocalEngine(1))


def fill_linked(run: Run, shards: int, frames: int) -> None:
    """As `fill`, of journals and packs that shards would have left, with arrays that many clips share."""
    from thbench.run.shards import part_of, shard_locked

    for number in range(1, shards + 1):
        shard = Shard(number, shards)
        job = replace(run.job, run=replace(run.job.run, shard=shard))
        with shard_locked(job, run.split):
            _write_linked(job, part_of(run.split, shard), shard, frames)


def _write_linked(job: Job, part: Split, shard: Shard, frames: int) -> None:
    folder, book, cache = job.run, keybook_of(job), observation_cache()
    references = {c.id: record_of(c.id, "reference", frames) for c in part.clips}
    echoes = {c.id: record_of(c.id, "echo", frames) for c in part.clips}
    folder.references(SIZE).journal.rewrite(references.values())
    for records, to in (
        (references, folder.control(SIZE, GROUND_TRUTH)),
        (echoes, folder.system("echo")),
    ):
        marked = ((r, reference_mark(references[c])) for c, r in records.items())
        to.journal.rewrite({**r, "reference": mark} for r, mark in marked)
    for row, records in ((REFERENCES, references), ("system echo", echoes)):
        of_row = Packing(job, part, book, cache, shard).keys(records, references)
        for index, metric in enumerate(suite_of(job).metrics):
            keys = sorted(key.tobytes() for key in of_row.keys[index])
            seed = shard.number * 100 + index
            entries = _linked(metric.plugin.name, seed, frames, keys, cache)
            name = book.pack(index, part.digest, SIZE, row, str(shard))
            write_pack(name, packed(entries, cache))


def _linked(
    metric: str, seed: int, frames: int, keys: Sequence[bytes], cache: Cache
) -> Iterator[tuple[bytes, Entry]]:
    """Numbers of every key's own; one file of arrays for a hundred keys."""
    draw = np.random.default_rng(seed)
    for start_of in range(0, len(keys), 100):
        made = observation(metric, seed * 10_000 + start_of, frames)
        some = keys[start_of : start_of + 100]
        first = some[0].hex()
        if made.arrays:
            cache.put(first, made.rows, made.arrays)
        for key in some:
            if made.arrays and key != some[0]:
                place = cache.place(key.hex())
                os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
                os.link(cache.place(first), place)
            rows = {n: v if v == int(v) else v * draw.uniform(0.9, 1) for n, v in made.rows.items()}
            yield key, Entry(rows, made.arrays)


def write(job: Job, clips: Sequence[Clip], frames: int) -> None:
    folder, cache, keys = job.run, observation_cache(), keybook_of(job)
    journals = {
        GROUND_TRUTH: folder.control(SIZE, GROUND_TRUTH).journal,
        "echo": folder.system("echo").journal,
    }
    for clip in clips:
        reference = record_of(clip.id, "reference", frames)
        folder.references(SIZE).journal.append(reference)
        records = {GROUND_TRUTH: reference, "echo": record_of(clip.id, "echo", frames)}
        for name, record in records.items():
            journals[name].append({**record, "reference": reference_mark(reference)})
            seed = int(record["digest"][:15], 16)
            for index, part in enumerate(suite_of(job).metrics):
                made = observation(part.plugin.name, seed + index, frames)
                key = keys.observation(index, clip, record, reference)
                cache.put(key, made.rows, made.arrays)


def record_of(clip_id: str, maker: str, frames: int) -> Record:
    """A record of a video of which no file is there."""
    marks = {f: digest([maker, clip_id, f]) for f in ("digest", "frames_digest", "audio_digest")}
    picture = f"{maker}/{clip_id}.mkv"
    shape = {"n_frames": frames, "size": SIZE, "picture": picture, "sound": None, "files": {}}
    return {"clip": clip_id, **marks, **shape}


def measure(folder: Path, text: str, shards: bool = False, workers: int = 1) -> dict[str, float]:
    """Seconds of every stage over a filled folder, and MB at the peak of this process and of a worker."""
    seconds, before = {}, time.perf_counter()
    run = start(folder, text)
    seconds["plan"], before = time.perf_counter() - before, time.perf_counter()
    root, n = run.job.run.root, len(run.split.clips)
    if shards:
        del run  # the merge plans for itself
        result = merged(root, workers)
        seconds["merge, reduce"] = time.perf_counter() - before
    else:
        run.generate()
        seconds["collect"], before = time.perf_counter() - before, time.perf_counter()
        result = run.score(workers)["echo"]
        seconds["reduce"] = time.perf_counter() - before
    assert result.scores["psnr"].n == result.clips.n == n
    assert not Journal(root / "timings.jsonl", key="stage").lines()  # nothing made anew
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu, workers_cpu = (of.ru_utime + of.ru_stime for of in used)
    peak, workers_peak = (of.ru_maxrss / 1024 for of in used)
    whole = {"all": sum(seconds.values()), "of that CPU": cpu, "peak MB": peak}
    if workers > 1:
        whole |= {"CPU of workers": workers_cpu, "peak MB of a worker": workers_peak}
    return {"clips": result.clips.n, **seconds, **whole}


def merged(root: Path, workers: int = 1) -> Result:
    from thbench.cli.main import cli

    done = CliRunner().invoke(
        cli, ["merge", str(root), "--workers", str(workers)], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return read_result(root / "systems" / "echo" / "result.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--actors", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=25, help="of every clip")
    parser.add_argument("--folder", type=Path, help="keep the run here [default: removed]")
    parser.add_argument("--shards", type=int, default=0, help="written by so many, then merged")
    parser.add_argument("--measure", action="store_true", help="a folder that is filled already")
    parser.add_argument("--workers", type=int, default=1, help="of the merge or the scoring")
    parser.add_argument("--linked", action="store_true", help="fill quickly: needs --shards")
    given = parser.parse_args()
    text = suite_text(given.clips, given.actors)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        os.environ["THBENCH_CACHE"] = str(folder / "cache")
        if given.measure:
            found = measure(folder, text, given.shards > 0, given.workers)
            print(json.dumps({k: round(v, 1) for k, v in found.items()}))
            return
        before = time.perf_counter()
        filled = fill_linked if given.linked else fill
        filled(start(folder, text), given.shards, given.frames)
        print(f"filled in {time.perf_counter() - before:.0f} s", flush=True)
        words = ["--clips", str(given.clips), "--actors", str(given.actors), "--measure"]
        words += ["--shards", str(given.shards), "--workers", str(given.workers)]
        own = [sys.executable, str(Path(__file__)), *words, "--folder", str(folder)]
        subprocess.run(own, check=True)


if __name__ == "__main__":
    main()
