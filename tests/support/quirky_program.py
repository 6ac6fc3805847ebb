"""A program as published ones are: standard library only, in its own folder, with the habit that is named.

quirky_program.py --image I --audio A --frames N --size S --habit HABIT [--results DIR]
quirky_program.py --serve --habit HABIT    speaks the line protocol of sessions
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import zlib
from datetime import datetime
from pathlib import Path

from fake_program import avi


def video(frames: int, size: int, image: str) -> bytes:
    """Its colour follows from the bytes of the picture, so that a test knows whose video it is."""
    data = Path(image).read_bytes()
    return avi(frames, size, (sum(data) % 256, len(data) % 256, 77))


def failing_some(image: str) -> str:
    """What becomes of this picture: one in seven gives nothing, one dies, one is cut off."""
    with Path(os.environ["CALLS"]).open("a") as file:
        file.write(f"{Path(image).stem}\n")
    kind = zlib.crc32(Path(image).read_bytes()) % 7
    if kind == 1:
        sys.exit("RuntimeError: CUDA out of memory")
    return {0: "nothing", 2: "half"}.get(kind, "apart")


def write(args: argparse.Namespace) -> None:
    if args.habit == "some":
        args.habit = failing_some(args.image)
    clip = Path(args.image).stem
    results = Path(args.results)
    good = video(args.frames, args.size, args.image)
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    name = {
        "dated": f"{now}--seed_7/{clip}_{clip}_{args.size}.avi",
        # of one call alone: a folder that two calls of a second share is nobody's to remove
        "apart": f"{now}-{os.getpid()}--seed_7/{clip}_{clip}_{args.size}.avi",
        "two": f"{now}/{clip}_withaudio.avi",
        "previous": "previous.avi",
    }.get(args.habit, f"{clip}.avi")
    if args.habit == "nothing":
        print("Error occurred during processing: no face")
        return
    if args.habit == "half":
        good = good[: len(good) // 2]
    out = results / name
    out.parent.mkdir(parents=True, exist_ok=True)
    if args.habit == "two":
        (out.parent / f"{clip}.avi").write_bytes(good)
        time.sleep(0.02)
    out.write_bytes(good)
    if args.habit == "litter":
        Path("temp").mkdir(exist_ok=True)
        Path("temp/result.avi").write_bytes(good)
        Path("temp/mel.bin").write_bytes(b"x")
    if args.habit == "bar":
        for n in range(200):
            print(f"\r{n:3d} % |{'#' * (n // 4):50}|", end="", file=sys.stderr)
        print("\nRuntimeError: out of luck", file=sys.stderr)
        sys.exit(3)
    if args.habit == "asks":
        answer = input("overwrite? [y/n] ")
        print(f"heard {answer}")
    if args.habit == "home":
        kept = Path.home() / ".cache" / "quirky"
        kept.mkdir(parents=True, exist_ok=True)
        marks = kept / "downloads.txt"
        marks.write_text((marks.read_text() if marks.exists() else "") + "once\n")


def serve(habit: str) -> None:
    if habit == "no start":
        sys.exit("ImportError: no module named torch")
    if habit == "slow start":
        time.sleep(30)
    print("loading 1 of 2\rloading 2 of 2", flush=True)
    print(json.dumps({"thbench": "ready"}), flush=True)
    with Path(os.environ["STARTS"]).open("a") as file:
        file.write("start\n")
    for number, line in enumerate(sys.stdin):
        request = json.loads(line)
        answer = {"thbench": "done", "clip": request["clip"]}
        print(f"working on {number}")
        if habit == "dies" and number == 1:
            sys.exit("CUDA error: device-side assert")
        if habit == "hangs" and number == 1:
            time.sleep(60)
        if habit == "wrong clip":
            answer["clip"] = "another"
        if habit == "nothing":
            print(json.dumps(answer), flush=True)
            continue
        try:
            data = video(request["frames"], request["size"], request["identity"])
            Path(request["out"]).write_bytes(data)
        except OSError as error:
            if habit == "claims":
                pass
            else:
                answer |= {"thbench": "failed", "reason": str(error.strerror)}
        print(json.dumps(answer), flush=True)
    if habit == "stays":
        time.sleep(60)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--image")
    parser.add_argument("--audio")
    parser.add_argument("--frames", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--results", default="results")
    parser.add_argument("--habit", default="plain")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--list", type=Path)
    args = parser.parse_args()
    if args.serve:
        serve(args.habit)
        return
    if args.list:
        for line in args.list.read_text().splitlines():
            image, frames, size = line.split("|")
            args.image, args.frames, args.size = image, int(frames), int(size)
            write(args)
        return
    write(args)


if __name__ == "__main__":
    main()
