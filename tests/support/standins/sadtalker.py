import argparse
import shutil
import time
import uuid
from pathlib import Path

import standin
from standin import n_frames, needs, picture, squeezed, talk

parser = argparse.ArgumentParser()
parser.add_argument("--driven_audio")
parser.add_argument("--source_image")
parser.add_argument("--result_dir", default="./results")
parser.add_argument("--still", action="store_true")
parser.add_argument(
    "--preprocess", default="crop", choices=["crop", "extcrop", "resize", "full", "extfull"]
)
parser.add_argument("--enhancer", default=None)
args = parser.parse_args()
standin.log()
folder = Path(args.result_dir) / time.strftime("%Y_%m_%d_%H.%M.%S")
(folder / "first_frame_dir").mkdir(parents=True)
needs("checkpoints/mapping_00109-model.pth.tar", "checkpoints/SadTalker_V0.0.2_256.safetensors")
image = picture(args.source_image)
if not standin.has_face(image):
    print("no coefficients: no face")
    raise SystemExit
scale = 2 if args.enhancer else 1
frames = talk(
    squeezed(image, image.shape[1] * scale, image.shape[0] * scale),
    n_frames(args.driven_audio, off=-1),
)
between = Path(f"{uuid.uuid4()}.mp4")
standin.write(between, frames, args.driven_audio)
shutil.move(between, folder / "result.mp4")
shutil.move(folder / "result.mp4", f"{folder}.mp4")
shutil.rmtree(folder)
print("made", f"{folder}.mp4")
