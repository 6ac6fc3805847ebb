"""Reactions of the measures of faces on real heads, as the Markdown tables of docs/expression.md.

    python tests/tools/measure_faces.py --assets ../shared --clips a c --sizes 256 128 64 --first 0 --last 199

Needs the weights yunet and face_mesh. Every change is made of pixels and measured anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from face_reactions import rows
from thbench.testing.subject import subject_of


def table(
    found: dict[str, dict[str, dict[str, float] | str]], scores: Sequence[tuple[str, str]]
) -> str:
    lines = ["| | " + " | ".join(s for _, s in scores) + " |", "| --- |" + " ---: |" * len(scores)]
    for change, of in found.items():
        cells = []
        for metric, score in scores:
            value = of[metric]
            cells.append(value if isinstance(value, str) else f"{value[score]:.3g}")
        lines.append(f"| {change} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("--clips", nargs="+", default=["a", "c"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 128, 64])
    parser.add_argument("--first", type=int, default=0, help="first frame that is measured")
    parser.add_argument("--last", type=int, default=199, help="last frame that is measured")
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=["head_pose", "blinks", "expression_frechet", "silent_mouth",
                 "theval_lip_dynamics", "theval_eyebrow", "theval_silent_lips"],
    )  # fmt: skip
    args = parser.parse_args()
    metrics = {name: subject_of("metric", name, {}).build() for name in args.metrics}
    scores = [(m, s) for m, metric in metrics.items() for s in metric.scores]
    for name in args.clips:
        for size in args.sizes:
            part = range(args.first, args.last + 1)
            print(f"\nclip {name}, {size} px, frames {args.first} to {args.last}\n")
            print(table(rows(args.assets, name, size, part, metrics), scores), flush=True)


if __name__ == "__main__":
    main()
