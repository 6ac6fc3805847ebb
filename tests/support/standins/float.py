import argparse
from pathlib import Path

import standin
from standin import n_frames, needs, picture, squeezed, talk

parser = argparse.ArgumentParser()
parser.add_argument("--seed", default=15, type=int)
parser.add_argument("--a_cfg_scale", default=2.0, type=float)
parser.add_argument("--e_cfg_scale", default=1.0, type=float)
parser.add_argument("--ref_path")
parser.add_argument("--aud_path")
parser.add_argument("--no_crop", action="store_true")
parser.add_argument("--res_video_path", default=None)
parser.add_argument("--ckpt_path", default="/home/their/own/float.pth")
parser.add_argument("--res_dir", default="./results")
args = parser.parse_args()
standin.log()
needs(args.ckpt_path)
Path(args.res_dir).mkdir(exist_ok=True)
image = picture(args.ref_path)
if not standin.has_face(image):
    raise IndexError("list index out of range")
image = standin.cropped(image, 0.14, 0.86, 0.14, 0.86)
frames = talk(squeezed(image, 512), n_frames(args.aud_path))
if not standin.ffmpeg_fails():
    standin.write(args.res_video_path or f"{args.res_dir}/by-time.mp4", frames, args.aud_path)
