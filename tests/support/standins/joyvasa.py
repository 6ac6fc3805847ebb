import argparse
from pathlib import Path

import standin
from standin import n_frames, needs, picture, squeezed, talk

parser = argparse.ArgumentParser()
parser.add_argument("-r", "--reference")
parser.add_argument("-a", "--audio")
parser.add_argument("-o", "--output_dir", default="animations/")
parser.add_argument("--animation_mode", default="animal")
parser.add_argument("--cfg_scale", type=float, default=2.8)
args = parser.parse_args()
standin.log()
assert args.animation_mode == "human"
needs("pretrained_weights/JoyVASA/motion_generator/iter_0020000.pt")
image = squeezed(squeezed(picture(args.reference), 256), 512)
out = Path(args.output_dir)
out.mkdir(exist_ok=True)
name = f"{Path(args.reference).stem}_{Path(args.audio).stem}"
frames = talk(image, n_frames(args.audio))
standin.write(out / f"{name}_temp.mp4", frames, None)
if standin.has_face(image):  # where not, ffmpeg stands for what goes wrong without a word
    standin.write(out / f"{name}.mp4", frames, args.audio)
