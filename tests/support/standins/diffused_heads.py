"""Settings are words of the form key=value, as Hydra's; it goes into a folder of its own before it starts."""

import os
import sys
from pathlib import Path

import standin
from standin import needs, picture, seconds, squeezed, talk

KNOWN = (
    "checkpoint",
    "encoder_checkpoint",
    "id_frame",
    "audio",
    "output",
    "gpu",
    "inference_steps",
    "hydra.run.dir",
)
given = dict(word.partition("=")[::2] for word in sys.argv[1:])
assert set(given) <= set(KNOWN), f"unknown: {set(given) - set(KNOWN)}"
standin.log()
folder = Path(given.get("hydra.run.dir", "outputs/2026-01-01/00-00-00"))
folder.mkdir(parents=True, exist_ok=True)
os.chdir(folder)
(Path(".hydra")).mkdir(exist_ok=True)
needs(given["checkpoint"], given["encoder_checkpoint"])
n = int(seconds(given["audio"]) * 16000) // 640
image = squeezed(picture(given["id_frame"]), 128)
if standin.has_face(image):
    standin.write(given["output"], talk(squeezed(image, 256), n), given["audio"])
print("saved")
