import argparse
from pathlib import Path

import modules  # of its own folder, found by PYTHONPATH
import standin
from standin import n_frames, needs, picture, squeezed, talk

parser = argparse.ArgumentParser()
parser.add_argument("--a2m_ckpt", default="checkpoints/240210_real3dportrait_orig/audio2secc_vae")
parser.add_argument(
    "--torso_ckpt", default="checkpoints/240210_real3dportrait_orig/secc2plane_torso_orig"
)
parser.add_argument("--src_img")
parser.add_argument("--drv_aud")
parser.add_argument("--drv_pose", default="data/raw/examples/May_5s.mp4")
parser.add_argument("--out_name", default="")
parser.add_argument("--out_mode", default="concat_debug")
parser.add_argument("--seed", default=None, type=int)
args = parser.parse_args()
standin.log(modules=modules.__name__)
needs(args.a2m_ckpt, args.torso_ckpt)
assert args.drv_pose == "static" and args.out_mode == "final"
Path("infer_out/tmp").mkdir(parents=True, exist_ok=True)
Path("infer_out/tmp/cropped_src_img.png").write_bytes(Path(args.src_img).read_bytes())
image = squeezed(picture(args.src_img), 512)
wave16k = Path(args.drv_aud[:-4] + "_16k.wav")
wave16k.write_bytes(Path(args.drv_aud).read_bytes())
if not standin.has_face(image):
    raise TypeError("'NoneType' object is not subscriptable")
frames = talk(image, n_frames(args.drv_aud, off=-1))
standin.write("demo.mp4", frames, None)
if not standin.ffmpeg_fails():
    standin.write(args.out_name, frames, args.drv_aud)
Path("demo.mp4").unlink()
wave16k.unlink()
print("saved")
