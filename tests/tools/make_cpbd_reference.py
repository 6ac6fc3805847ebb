"""Make tests/builtin/sharpness/reference.json again from the package cpbd-py312.

    python tests/tools/make_cpbd_reference.py CLIPS

in an environment with cpbd-py312 1.0.3 (and its imageio and scikit-image) and thbench; CLIPS is the folder of real
clips (shared/clips). The package's program is that of CPBD's authors in Python; its licence keeps it out of this project.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cpbd.compute import compute

from sharp_pictures import REAL, REFERENCE, drawn, real


def main(clips: Path) -> None:
    values = {name: float(compute(picture)) for name, picture in drawn().items()}
    for clip in REAL:
        values |= {name: float(compute(p)) for name, p in real(clips / clip).items()}
    about = {
        "package": f"cpbd-py312 {version('cpbd-py312')}",
        "scikit-image": version("scikit-image"),
    }
    made = "python tests/tools/make_cpbd_reference.py shared/clips"
    text = json.dumps({"made_by": made, **about, "values": values}, indent=1)
    REFERENCE.write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
