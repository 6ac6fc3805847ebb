import argparse
from pathlib import Path

import standin
from standin import n_frames, needs, picture, talk

parser = argparse.ArgumentParser()
parser.add_argument("--data_root", default="./checkpoints/ditto_trt_Ampere_Plus")
parser.add_argument("--cfg_pkl", default="./checkpoints/ditto_cfg/v0.4_hubert_cfg_trt.pkl")
parser.add_argument("--audio_path")
parser.add_argument("--source_path")
parser.add_argument("--output_path")
args = parser.parse_args()
standin.log()
needs(args.cfg_pkl, args.data_root)
image = picture(args.source_path)
frames = talk(image, n_frames(args.audio_path))
Path(args.output_path).parent.mkdir(parents=True, exist_ok=True)
standin.write(args.output_path + ".tmp.mp4", frames, None)
print("joining picture and sound")
if standin.has_face(image):
    standin.write(args.output_path, frames, args.audio_path)
print(args.output_path)
