import argparse
from pathlib import Path

import standin
import yaml
from standin import n_frames, needs, picture, talk

parser = argparse.ArgumentParser()
parser.add_argument("--inference_config", default="configs/inference/test_img.yaml")
parser.add_argument("--result_dir", default="./results")
parser.add_argument("--unet_model_path")
parser.add_argument("--unet_config")
parser.add_argument("--version", default="v15", choices=["v1", "v15"])
args = parser.parse_args()
tasks = yaml.safe_load(Path(args.inference_config).read_text())
standin.log(config=tasks)
needs(args.unet_model_path, args.unet_config, "models/dwpose/dw-ll_ucoco_384.pth")
for task in tasks.values():
    try:
        image = picture(task["video_path"])
        out = Path(args.result_dir) / args.version
        out.mkdir(parents=True, exist_ok=True)
        (Path(args.result_dir) / ".." / f"{Path(task['video_path']).stem}.pkl").write_bytes(
            b"coordinates"
        )
        if not standin.has_face(image):
            raise ZeroDivisionError("integer division or modulo by zero")
        standin.write(
            out / task["result_name"], talk(image, n_frames(task["audio_path"])), task["audio_path"]
        )
        raise NameError(
            "name 'save_dir_full' is not defined"
        )  # of a picture, after its video was written
    except Exception as error:
        print("a task went wrong:", error)
