"""Programs that stand in for published ones: their folders, weights and environment, laid out for a test."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paths import ROOT

SOURCES = ROOT / "tests" / "support" / "standins"


@dataclass(frozen=True)
class StandIn:
    """Where the entry of the real program lies, and files of its repository that it reads."""

    entry: str
    files: dict[str, str]


PROGRAMS = {
    "wav2lip": StandIn("inference.py", {"temp/README.md": ""}),
    "sadtalker": StandIn("inference.py", {}),
    "musetalk": StandIn("scripts/inference.py", {}),
    "latentsync": StandIn("scripts/inference.py", {"configs/unet/stage2_512.yaml": "data: {}\n"}),
    "hallo": StandIn("scripts/inference.py", {"configs/inference/default.yaml": "seed: 42\n"}),
    "hallo2": StandIn(
        "scripts/inference_long.py",
        {
            "configs/inference/long.yaml": "base_model_path: ./pretrained_models/stable-diffusion-v1-5\n"
            "save_path: ./output_long/debug/\nsource_image: a.jpg\ndriving_audio: a.wav\n"
        },
    ),
    "echomimic": StandIn(
        "infer_audio2vid.py",
        {
            "configs/prompts/animation.yaml": "denoising_unet_path: ./pretrained_weights/denoising_unet.pth\n"
            "inference_config: ./configs/inference/v2.yaml\ntest_cases: {a.png: [a.wav]}\n",
            "configs/inference/v2.yaml": "",
        },
    ),
    "joyvasa": StandIn("inference.py", {}),
    "ditto": StandIn("inference.py", {}),
    "float": StandIn("generate.py", {}),
    "real3dportrait": StandIn("inference/real3d_infer.py", {"modules/__init__.py": ""}),
    "diffused-heads": StandIn("sample.py", {}),
}


def lay_out(name: str, root: Path, weights: list[str]) -> None:
    """The folder of a program with the files of its repository, and something for each of its weights."""
    program = PROGRAMS[name]
    for file, text in program.files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    for file in weights:
        if Path(file).suffix == "":
            (root / file).mkdir(parents=True, exist_ok=True)
        else:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_bytes(b"weights")
    (root / program.entry).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCES / f"{name.replace('-', '_')}.py", root / program.entry)


def environment(folder: Path) -> Path:
    """The interpreter of an environment of their own, with the package that they share and its codecs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "standin.py").write_text((SOURCES / "standin.py").read_text())
    info = site / "standin-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: standin\nVersion: 1.2.3\n")
    (site / "codecs_of_the_tests.pth").write_text(str(Path(np.__file__).parents[1]) + "\n")
    return folder / "bin" / "python"
