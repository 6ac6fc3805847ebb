import argparse

import standin
from standin import n_frames, needs, picture, talk

parser = argparse.ArgumentParser()
parser.add_argument("--checkpoint_path", required=True)
parser.add_argument("--face", required=True)
parser.add_argument("--audio", required=True)
parser.add_argument("--outfile", default="results/result_voice.mp4")
args = parser.parse_args()
standin.log()
assert args.face.split(".")[1] in ("jpg", "png", "jpeg"), "the first dot decides"
image = picture(args.face)
if not standin.has_face(image):
    raise ValueError("no face in a frame")
needs(args.checkpoint_path, "face_detection/detection/sfd/s3fd.pth")
frames = talk(image, n_frames(args.audio, off=-3))
standin.write("temp/result.avi", frames, None, "mpeg4")
if not standin.ffmpeg_fails():
    standin.write(args.outfile, frames, args.audio)
