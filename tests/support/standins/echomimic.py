import argparse
from datetime import datetime
from pathlib import Path

import standin
import yaml
from standin import n_frames, needs, picture, squeezed, talk

parser = argparse.ArgumentParser()
parser.add_argument("--config", default="./configs/prompts/animation.yaml")
parser.add_argument("-W", type=int, default=512)
parser.add_argument("-H", type=int, default=512)
parser.add_argument("-L", type=int, default=1200)
parser.add_argument("--seed", type=int, default=420)
parser.add_argument("--cfg", type=float, default=2.5)
parser.add_argument("--fps", type=int, default=24)
args = parser.parse_args()
config = yaml.safe_load(Path(args.config).read_text())
standin.log(config=config)
needs(config["denoising_unet_path"], config["inference_config"])
now = datetime.now()
time = now.strftime("%H%M")
folder = Path(f"output/{now:%Y%m%d}/{time}--seed_{args.seed}-{args.W}x{args.H}")
folder.mkdir(exist_ok=True, parents=True)
for image_path, sounds in config["test_cases"].items():
    for sound in sounds:
        image = picture(image_path)
        if standin.has_face(image):  # its own crop, made square
            image = standin.cropped(image, 0.12, 0.92, 0.1, 0.9)
        image = squeezed(image, args.W, args.H)
        name = (
            f"{Path(image_path).stem}_{Path(sound).stem}_{args.H}x{args.W}_{int(args.cfg)}_{time}"
        )
        frames = talk(image, min(args.L, n_frames(sound, args.fps)))
        standin.write(folder / f"{name}.mp4", frames, None, "mpeg4", args.fps)
        if not standin.ffmpeg_fails():
            standin.write(folder / f"{name}_withaudio.mp4", frames, sound, fps=args.fps)
