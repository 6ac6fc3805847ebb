import argparse
import shutil
from pathlib import Path

import standin
from standin import first_frame, n_frames, needs, talk

parser = argparse.ArgumentParser()
parser.add_argument("--unet_config_path", default="configs/unet.yaml")
parser.add_argument("--inference_ckpt_path", required=True)
parser.add_argument("--video_path", required=True)
parser.add_argument("--audio_path", required=True)
parser.add_argument("--video_out_path", required=True)
parser.add_argument("--inference_steps", type=int, default=20)
parser.add_argument("--guidance_scale", type=float, default=1.0)
parser.add_argument("--temp_dir", default="temp")
parser.add_argument("--seed", type=int, default=1247)
parser.add_argument("--enable_deepcache", action="store_true")
args = parser.parse_args()
standin.log()
needs(args.unet_config_path, args.inference_ckpt_path, "checkpoints/whisper/tiny.pt")
shutil.rmtree("temp", ignore_errors=True)
Path("temp").mkdir()
shutil.copy(args.video_path, "temp/video.mp4")
image, frames = first_frame("temp/video.mp4")
if not standin.has_face(image):
    raise RuntimeError("no face")
Path(args.temp_dir).mkdir(parents=True)
n = min(frames, n_frames(args.audio_path))
standin.write(args.video_out_path, talk(image, n - n % 16 if n >= 16 else n), args.audio_path)
