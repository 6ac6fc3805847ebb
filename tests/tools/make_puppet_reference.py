"""Writes the frozen reference of version 1 again: `python tests/tools/make_puppet_reference.py`.

Only a new version of the dataset may do that. `frozen_v1.npz` holds one whole clip at 64 px,
`frozen_v1.json` a few numbers of twelve more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from thbench.api import Source
from thbench_puppet.dataset import make

HERE = Path(__file__).resolve().parents[1] / "builtin" / "puppet"
WHOLE = "1008_TSI_ANG_XX"
MORE = [
    "1001_IEO_HAP_HI", "1014_TIE_FEA_XX", "1021_IOM_DIS_XX", "1032_IWW_NEU_XX", "1039_TAI_SAD_XX",
    "1046_MTI_ANG_XX", "1055_IWL_HAP_XX", "1060_ITH_DIS_XX", "1069_DFA_FEA_XX", "1074_ITS_SAD_XX",
    "1083_WSI_ANG_XX", "1090_IEO_SAD_LO",
]  # fmt: skip


def summary(source: Source) -> dict[str, object]:
    """Numbers that any visible or audible change moves."""
    truth = source.annotations
    loudness = np.sqrt(np.mean(source.audio.reshape(-1, 640).astype(np.float64) ** 2, axis=1))
    return {
        "n_frames": len(source.frames),
        "colour": [round(float(v), 3) for v in source.frames.mean(axis=(0, 1, 2))],
        "first_frame_8x8": cv2.resize(source.frames[0], (8, 8), interpolation=cv2.INTER_AREA)
        .ravel()
        .tolist(),
        "landmarks": [round(float(v), 3) for v in truth["landmarks"].mean(axis=0).ravel()],
        "aperture": [round(float(v), 4) for v in truth["mouth_aperture"]],
        "loudness": [round(float(v), 1) for v in loudness],
    }


def main() -> None:
    whole = make(WHOLE, 64)
    strip = whole.frames.reshape(-1, 64, 3)
    _, png = cv2.imencode(".png", strip, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    arrays: dict[str, Any] = {"png": png, "audio": whole.audio, **whole.annotations}
    np.savez_compressed(HERE / "frozen_v1.npz", **arrays)
    numbers = {clip_id: summary(make(clip_id, 64)) for clip_id in MORE}
    text = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in numbers.items())
    (HERE / "frozen_v1.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
