"""Every recipe with a program that stands in for its own: words, habits, framing, failures, what is left."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from standin_programs import PROGRAMS, environment, lay_out
from thbench.api import Failure, Frames, Generated, Request
from thbench.environment import Settings
from thbench.files.yamlfile import read_yaml
from thbench.generate.registration import registered
from thbench.plugins.context import RunContext
from thbench.plugins.discovery import registry
from thbench.plugins.options import option_schema
from thbench.recipes.find import find_recipe, recipe_names
from thbench.recipes.form import AboutForm, about_of, systems_of
from thbench.testing.subject import subject_of
from thbench.video import MediaReader, MemoryVideo
from thbench_clips.crop import ClipFaces
from thbench_external.isolation import works
from thbench_face import thbench_weights

PUBLISHED = {
    # `<...>` stands for what is ours; what follows `+` is added to the published line
    "wav2lip": """inference.py --checkpoint_path checkpoints/wav2lip_gan.pth --face <in>.png
        --audio <in>.wav + --outfile <out>.mp4""",
    "sadtalker": """inference.py --driven_audio <in>.wav --source_image <in>.png --result_dir <out>
        --still --preprocess full --enhancer gfpgan""",
    "musetalk": """-m scripts.inference --inference_config <in>.yaml --result_dir <out>
        --unet_model_path ./models/musetalkV15/unet.pth
        --unet_config ./models/musetalkV15/musetalk.json --version v15""",
    "latentsync": """-m scripts.inference --unet_config_path configs/unet/stage2_512.yaml
        --inference_ckpt_path checkpoints/latentsync_unet.pt --inference_steps 20
        --guidance_scale 1.5 --enable_deepcache --video_path <in>.mp4 --audio_path <in>.wav
        --video_out_path <out>.mp4 + --temp_dir <folder> --seed <number>""",
    "hallo": "scripts/inference.py --source_image <in>.png --driving_audio <in>.wav + --output <out>.mp4",
    "hallo2": "scripts/inference_long.py --config <in>.yaml",
    "echomimic": "-u infer_audio2vid.py + --config <in>.yaml --fps 25 --seed <number>",
    "joyvasa": """inference.py -r <in>.png -a <in>.wav --animation_mode human --cfg_scale 2.0
        + -o <out>""",
    "ditto": """inference.py --data_root ./checkpoints/ditto_trt_Ampere_Plus
        --cfg_pkl ./checkpoints/ditto_cfg/v0.4_hubert_cfg_trt.pkl --audio_path <in>.wav
        --source_path <in>.png --output_path <out>.mp4""",
    "float": """generate.py --ref_path <in>.png --aud_path <in>.wav --seed <number> --a_cfg_scale 2
        --e_cfg_scale 1 --ckpt_path ./checkpoints/float.pth + --res_video_path <out>.mp4 --res_dir <out>""",
    "real3dportrait": """inference/real3d_infer.py --src_img <in>.png --drv_aud <in>.wav --drv_pose static
        --out_name <out>.mp4 --out_mode final + --seed <number>""",
    "diffused-heads": """sample.py + checkpoint=<root>/checkpoints/crema_script.pt
        encoder_checkpoint=<root>/checkpoints/audio_encoder.pt id_frame=<in>.png audio=<in>.wav
        output=<out>.mp4 hydra.run.dir=<folder>""",
}
NO_FACE = {
    # What becomes of a picture without a face: a part of the reason, None where the program goes on
    "wav2lip": "no face in a frame",
    "sadtalker": "wrote no *.mp4; looked for {out_folder}/*.mp4; found nothing new: no coefficients",
    "musetalk": "looked for {out_folder}/v15/{clip}.mp4; found {out_folder}/v15/",
    "latentsync": "RuntimeError: no face",
    "hallo": "IndexError",
    "hallo2": None,
    "echomimic": "face",  # its video is there, and has no face to cut around
    "joyvasa": "found {out_folder}/{clip}_{clip}_temp.mp4",
    "ditto": "found {out_folder}/video.mp4.tmp.mp4",
    "float": "IndexError",
    "real3dportrait": "TypeError",
    "diffused-heads": "wrote no .mp4 file; looked for {out_folder}/{clip}.mp4; found nothing new: saved",
}
OWN_CROP = ("echomimic", "float")
SIZE, FRAMES = 128, 12


def recipe_of(name: str) -> tuple[AboutForm, dict[str, Any]]:
    document = read_yaml(find_recipe(name))
    about = about_of(document)
    assert about is not None
    return about, dict(systems_of(document)[name])


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("theirs") / "venv")


@pytest.fixture
def weights(assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YuNet where the harness looks for weights."""
    folder = tmp_path / "weights"
    folder.mkdir()
    item = next(w for w in thbench_weights() if w.name == "yunet")
    (folder / item.file).symlink_to(assets("weights/yunet_n_640_640.onnx"))
    monkeypatch.setenv("THBENCH_WEIGHTS", str(folder))


@pytest.fixture
def face(assets: Callable[[str], Path], weights: None) -> Frames:
    """The head of a real person, cut out by the rule of the dataset `clips`."""
    return head_in(assets("clips/speaker_d_512px_h264.mp4")).copy()


@cache
def head_in(path: Path) -> Frames:
    first = next(MediaReader().frames(path))
    faces = ClipFaces(RunContext(registry(), Settings(), "clips"), 0.2)
    return faces.square(path, None, lambda: iter([first])).of(first).cut(first, SIZE)


def request(
    picture: Frames, clip: str = "clip", n: int = FRAMES, seed: int = 2**40 + 12345
) -> Request:
    audio = (8000 * np.sin(np.arange(n * 640) / 9)).astype(np.int16)
    return Request(clip, picture, audio, n, len(picture), seed)


class Called:
    """A recipe's system with its stand-in, in a folder of its own."""

    def __init__(self, name: str, folder: Path, python: Path, **more: Any) -> None:
        about, entry = recipe_of(name)
        self.root, self.record = folder / "Program", folder / "record.jsonl"
        lay_out(name, self.root, [w.file for w in about.weights])
        for key in ("generator", "resolution"):
            entry.pop(key)
        env = {**entry.pop("env", {}), "STANDIN_RECORD": str(self.record), **more.pop("env", {})}
        here = {"root": str(self.root), "python": str(python), "env": env, "isolation": "none"}
        given = {**entry, **here, **more}  # without isolation: it tells what it saw, outside
        self.subject = subject_of("generator", "command", given)
        self.before = self.files()
        self.generator = self.subject.build()

    def files(self) -> list[str]:
        return sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*"))

    def ask(self, *requests: Request) -> list[Any]:
        """Answers in the order of the requests; the frames of files while they exist."""
        found = {}
        for answer in self.generator.generate(requests):
            if isinstance(answer, Generated) and answer.frames is None:
                assert answer.file is not None
                found[answer.clip_id] = MediaReader().read(answer.file).frames
            else:
                found[answer.clip_id] = getattr(answer, "frames", answer)
        return [found[r.clip_id] for r in requests]

    def seen(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]


def test_every_recipe_has_a_stand_in_and_a_published_line() -> None:
    names = set(recipe_names())
    assert names == set(PROGRAMS) == set(PUBLISHED) == set(NO_FACE)
    assert len(names) >= 10


@pytest.mark.parametrize("name", PROGRAMS)
def test_its_words_are_the_published_ones(name: str) -> None:
    about, entry = recipe_of(name)
    given = [w for w in shlex.split(PUBLISHED[name].partition("+")[0]) if w.startswith("-")]
    missing = [
        w
        for w in given
        if w not in shlex.split(about.published.replace("<", "'<").replace(">", ">'"))
    ]
    allowed = {"real3dportrait": ["--drv_pose", "--out_name", "--out_mode"]}.get(name, [])
    assert [w for w in missing if w not in allowed] == []
    assert about.commit in entry["revision"]
    assert set(entry) - {"generator", "resolution"} <= set(
        option_schema(subject_of("generator", "command", {}).plugin)
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_videos_failures_and_what_is_left(
    name: str, tmp_path: Path, python: Path, face: Frames, weights: None, monkeypatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    called = Called(name, tmp_path, python)
    flat = np.full_like(face, 128)
    other = np.ascontiguousarray(face[:, ::-1])
    good, bad, last = called.ask(
        request(face), request(flat, "flat", 10), request(other, "last", 14)
    )
    for frames, n in ((good, FRAMES), (last, 14)):
        assert not isinstance(frames, Failure), frames
        assert frames.shape[1:] == (SIZE, SIZE, 3)
        assert abs(len(frames) - n) <= 4
    assert np.abs(good[0].astype(int) - last[0]).mean() > 2, "each clip has its own video"
    says = NO_FACE[name]
    if says is None:
        assert isinstance(bad, np.ndarray)
    else:
        assert isinstance(bad, Failure) and says in bad.reason, bad
        assert "thbench-" not in bad.reason
    assert called.files() == called.before
    assert list(home.iterdir()) == []
    first = called.seen()[0]
    assert first["cwd"] == str(called.root)
    wanted = [w for w in shlex.split(PUBLISHED[name]) if w not in ("+", "-u")]
    wanted = wanted[2:] if wanted[0] == "-m" else wanted[1:]
    assert placeholders(first["argv"], called.root) == wanted
    versions = called.generator.environment
    assert versions["package standin"] == "1.2.3"
    assert versions["python"].count(".") == 2


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - set(OWN_CROP)))
def test_what_is_pasted_back_or_whole_lies_where_it_lay(
    name: str, tmp_path: Path, python: Path, face: Frames, weights: None
) -> None:
    assert recipe_of(name)[0].framing.mode in ("pasted-back", "whole-picture")
    (frames,) = Called(name, tmp_path, python).ask(request(face))
    found = registered(Settings(), face, frames, MemoryVideo(face[None]))
    assert found["beyond"] == [], found


@pytest.mark.parametrize("name", OWN_CROP)
def test_a_crop_of_its_own(
    name: str, tmp_path: Path, python: Path, face: Frames, weights: None
) -> None:
    """A looser crop than the reference's is cut around the face again; of a tighter one there is no more
    to be had, and it is named. Where it is not declared, the looser one is named, too."""
    assert recipe_of(name)[0].framing.mode == "own-crop"

    def beyond(folder: str, loose: str, **more: Any) -> list[str]:
        called = Called(name, tmp_path / folder, python, env={"STANDIN_LOOSE": loose}, **more)
        (frames,) = called.ask(request(face))
        return list(registered(Settings(), face, frames, MemoryVideo(face[None]))["beyond"])

    assert beyond("loose", "0.3") == []
    assert any("0.6" in line for line in beyond("undeclared", "0.3", crop="as-reference"))
    assert any("times as large" in line for line in beyond("tight", ""))


@pytest.mark.parametrize("name", ["wav2lip", "echomimic", "float", "real3dportrait"])
def test_a_last_step_that_fails_without_a_word(
    name: str, tmp_path: Path, python: Path, face: Frames, weights: None
) -> None:
    called = Called(name, tmp_path, python, env={"STANDIN_FFMPEG_FAILS": "1"})
    (answer,) = called.ask(request(face))
    assert isinstance(answer, Failure)
    assert re.search(r"wrote no (\.mp4 file|video); looked for", answer.reason), answer
    assert called.files() == called.before


def test_the_settings_files_hold_what_is_asked(tmp_path: Path, python: Path, face, weights) -> None:
    called = Called("echomimic", tmp_path / "a", python)
    called.ask(request(face))
    config = called.seen()[0]["config"]
    assert config["denoising_unet_path"] == "./pretrained_weights/denoising_unet.pth"
    ((image, sounds),) = config["test_cases"].items()
    assert (Path(image).suffix, [Path(s).suffix for s in sounds]) == (".png", [".wav"])
    called = Called("hallo2", tmp_path / "b", python)
    called.ask(request(face))
    config = called.seen()[0]["config"]
    assert config["save_path"].endswith("/out") and config["base_model_path"].startswith("./pre")
    called = Called("musetalk", tmp_path / "c", python)
    called.ask(request(face, "a"), request(face, "b", 10))
    (seen,) = called.seen()
    assert list(seen["config"]) == ["task_0", "task_1"], "the models are loaded once for a batch"


def test_diffused_heads_says_which_actors_it_has_seen() -> None:
    _, entry = recipe_of("diffused-heads")
    split = read_yaml(
        find_recipe("diffused-heads").parents[2] / "splits" / "crema_d_dh10.yaml"
    ).data
    assert entry["resolution"] == 128
    assert set(entry["trained_actors"]) == {*split["train"], *split["validation"]}
    assert not set(entry["trained_actors"]) & set(split["test"])


def placeholders(argv: list[str], root: Path) -> list[str]:
    """Private paths and seeds by what they are."""
    known = {
        r"/.*/in/\w+(\.\w+)": r"<in>\1",
        r"/.*/out/\w+(\.\w+)": r"<out>\1",
        r"/.*/out": "<out>",
        r"/.*/(latentsync|hydra)": "<folder>",
        r"\d{4,}": "<number>",
    }
    named = []
    for word in argv:
        key, equals, value = word.rpartition("=") if "=" in word else ("", "", word)
        value = value.replace(str(root), "<root>")
        for pattern, name in known.items():
            value = re.sub(f"^{pattern}$", name, value)
        named.append(f"{key}{equals}{value}")
    return named


def test_one_that_is_isolated(tmp_path: Path, python: Path, face: Frames, weights: None) -> None:
    """Its folder and environment, what `readable` names, a HOME of its own, and nothing else."""
    if not works():
        pytest.skip("bubblewrap does not work here")
    codecs = str(Path(np.__file__).parents[1])
    more = {"isolation": "bubblewrap", "readable": [codecs], "home": "kept"}
    called = Called("echomimic", tmp_path, python, **more)
    (frames,) = called.ask(request(face))
    assert not isinstance(frames, Failure), frames
    assert frames.shape[1:] == (SIZE, SIZE, 3)
    assert called.files() == called.before and not called.record.exists()
