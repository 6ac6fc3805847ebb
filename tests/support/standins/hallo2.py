import argparse
from pathlib import Path

import standin
import yaml
from standin import n_frames, needs, picture, squeezed, talk

parser = argparse.ArgumentParser()
parser.add_argument("-c", "--config", default="configs/inference/long.yaml")
parser.add_argument("--source_image")
parser.add_argument("--driving_audio")
args = parser.parse_args()
config = yaml.safe_load(Path(args.config).read_text())
standin.log(config=config)
image_path = args.source_image or config["source_image"]
sound = args.driving_audio or config["driving_audio"]
needs(config["base_model_path"], "pretrained_models/hallo2/net.pth")
folder = Path(config["save_path"]) / Path(image_path).stem
(folder / "seg_video").mkdir(parents=True)
image = picture(image_path)
if not standin.has_face(image):
    print("no face: the whole picture is taken")
frames = talk(squeezed(image, 512), n_frames(sound))
standin.write(folder / "seg_video" / f"{Path(image_path).stem}-000001.mp4", frames, sound)
standin.write(folder / "merge_video.mp4", frames, sound)
