"""A program of another environment: standard library and its own numpy, if it has one.

It writes an uncompressed AVI whose colour is the version of that numpy, or does what `fault` says.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path


def avi(n_frames: int, size: int, colour: tuple[int, int, int]) -> bytes:
    """[n_frames] of one RGB colour at 25 fps, uncompressed."""
    row = bytes(colour[::-1]) * size
    picture = (row + b"\0" * (-len(row) % 4)) * size
    frames = b"".join(chunk(b"00db", picture) for _ in range(n_frames))
    main = struct.pack(
        "<14I", 40_000, 0, 0, 0, n_frames, 0, 1, len(picture), size, size, 0, 0, 0, 0
    )
    head = b"vidsDIB " + struct.pack("<10I", 0, 0, 0, 1, 25, 0, n_frames, len(picture), 0, 0)
    form = struct.pack("<IiiHHIIiiII", 40, size, size, 1, 24, 0, len(picture), 0, 0, 0, 0)
    stream = chunk(b"LIST", b"strl" + chunk(b"strh", head + b"\0" * 8) + chunk(b"strf", form))
    headers = chunk(b"LIST", b"hdrl" + chunk(b"avih", main) + stream)
    return chunk(b"RIFF", b"AVI " + headers + chunk(b"LIST", b"movi" + frames))


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def colour() -> tuple[int, int, int]:
    try:
        import numpy
    except ImportError:
        return 9, 9, 9
    major, minor, patch = (int(n) for n in numpy.__version__.split(".")[:3])
    return major * 10, minor, patch


def answer(out: Path, frames: int, size: int, fault: str, elsewhere: Path) -> None:
    if fault == "nothing":
        return
    good = avi(frames, size, colour())
    if fault == "long":
        good = avi(frames + 2000, size, colour())
    if fault == "size":
        good = avi(frames, size * 2, colour())
    if fault == "half":
        good = good[: len(good) // 2]
    if fault == "rubbish":
        good = b"not a video" * 100
    if fault in ("link", "hard link", "outside", "folder link"):
        target = elsewhere / f"{os.getpid()}-{out.name}"
        target.write_bytes(good)
        if fault == "link":
            out.symlink_to(target)
        if fault == "hard link":
            out.hardlink_to(target)
        if fault == "folder link":
            out.parent.rmdir()
            target.rename(elsewhere / out.name)
            out.parent.symlink_to(elsewhere)
        return
    if fault == "pipe":
        os.mkfifo(out)
        return
    if fault == "folder":
        out.mkdir()
        return
    out.write_bytes(good)


def misbehave(fault: str, elsewhere: Path) -> None:
    """What goes wrong before anything is written."""
    if fault == "die":
        sys.exit("RuntimeError: CUDA out of luck\x1b[0m")
    if fault == "kill":
        os.kill(os.getpid(), 9)
    if fault == "hang":
        beat = "import time,sys,pathlib\nwhile True:\n pathlib.Path(sys.argv[1]).write_text(str(time.time())); time.sleep(.05)"
        subprocess.Popen([sys.executable, "-c", beat, str(elsewhere / "beat")])
        print("thinking ...", flush=True)
        time.sleep(600)
    if fault == "memory":
        print(len(bytearray(3_000_000_000)))
    if fault == "disk":
        (elsewhere / "flood").write_bytes(b"x" * 30_000_000)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--fault", default="none")
    parser.add_argument("--elsewhere", type=Path, default=Path())
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    if given.record:
        seen = {"argv": sys.argv, "cwd": str(Path.cwd()), "env": dict(os.environ)}
        with given.record.open("a") as file:
            file.write(json.dumps(seen) + "\n")
    misbehave(given.fault, given.elsewhere)
    if given.requests and not given.out:
        for line in given.requests.read_text().splitlines():
            one = json.loads(line)
            answer(Path(one["out"]), one["frames"], one["size"], given.fault, given.elsewhere)
    else:
        answer(given.out, given.frames, given.size, given.fault, given.elsewhere)


if __name__ == "__main__":
    main()
