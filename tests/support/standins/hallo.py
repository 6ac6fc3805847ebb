import argparse
from pathlib import Path

import standin
from standin import n_frames, needs, picture, squeezed, talk

parser = argparse.ArgumentParser()
parser.add_argument("-c", "--config", default="configs/inference/default.yaml")
parser.add_argument("--source_image")
parser.add_argument("--driving_audio")
parser.add_argument("--output", default=".cache/output.mp4")
args = parser.parse_args()
standin.log()
needs(args.config, "pretrained_models/hallo/net.pth")
stem = Path(args.source_image).stem
Path(".cache/audio_preprocess").mkdir(parents=True, exist_ok=True)
Path(f".cache/{stem}_face_mask.png").write_bytes(b"mask")
Path(f".cache/audio_preprocess/{stem}-16k.wav").write_bytes(b"wave")
image = picture(args.source_image)
if not standin.has_face(image):
    raise IndexError("list index out of range")
standin.write(
    args.output, talk(squeezed(image, 512), n_frames(args.driving_audio)), args.driving_audio
)
