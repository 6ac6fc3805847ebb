"""Measures of faces against the truth that puppets are drawn with, as the Markdown tables of docs/expression.md.

    python tests/tools/puppet_truth.py --size 128

Needs the weights yunet and face_mesh.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from exact_truth import CHANGES, READINGS, SCORES, measured


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=128)
    args = parser.parse_args()
    found = measured(args.size)
    print("| score | by | " + " | ".join(CHANGES) + " |")
    print("| --- | --- |" + " ---: |" * len(CHANGES))
    for metric, scores in SCORES.items():
        for score in scores:
            for reading in READINGS:
                of = [found[change][reading][metric] for change in CHANGES]
                cells = ["refused" if isinstance(v, str) else f"{v[score]:.3g}" for v in of]
                name = f"`{score}`" if reading == READINGS[0] else ""
                print(f"| {name} | {reading} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
