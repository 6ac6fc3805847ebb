"""Recipes form the command lines that their authors published; a fake program records them."""

from __future__ import annotations

import json
import re
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from paths import ROOT
from runs import SUITE
from thbench.errors import UserError
from thbench.plugins.discovery import registry
from thbench.suite import load_suite
from thbench.suite.recipes import recipe_names, recipes_folder

PROGRAM = ROOT / "tests" / "support" / "fake_program.py"
FAKE = """\
#!{python} -ISs
import json, pathlib, re, sys
sys.path.insert(0, {folder!r})
from fake_program import avi
words = dict(zip(sys.argv[1:], sys.argv[2:]))
seen = {{"argv": sys.argv[1:], "cwd": str(pathlib.Path.cwd())}}
if config := words.get("--inference_config"):
    seen["config"] = pathlib.Path(config).read_text()
    name = re.search('result_name: "(.*)"', seen["config"])[1]
    out = pathlib.Path(words["--result_dir"]) / words["--version"] / name
elif "--source_image" in words and "--result_dir" in words:
    out = pathlib.Path(words["--result_dir"]) / "2026_11_23_18.00.00.mp4"
else:
    out = next(pathlib.Path(words[w]) for w in ("--outfile", "--video_out_path", "--output") if w in words)
out.write_bytes(avi({frames}, {size}, (1, 2, 3)))
with open({record!r}, "a") as file:
    print(json.dumps(seen), file=file)
"""
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
}
SIZES = {"sadtalker": 128}


def test_every_recipe_is_proved() -> None:
    assert recipe_names() == sorted(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_command_line_is_the_published_one(
    thbench,
    tmp_path: Path,
    name: str,
) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text(SUITE.replace("split: all", "split: all\nlimits: {clips: 1}"))
    frames = json.loads(thbench_frames(file))
    record, program = tmp_path / "record", tmp_path / "program"
    program.mkdir()
    fake(tmp_path / "python", record, frames, SIZES.get(name, 64))
    words = ["--with", name, "--set", f"systems.{name}.resolution=64", "--out", tmp_path / "run"]
    words += ["--set", f"systems.{name}.root={program}", "--systems", f"{name},ground-truth"]
    done = thbench("run", file, *words, "--set", f"systems.{name}.python={tmp_path / 'python'}")
    assert done.code == 0, done.err
    result = json.loads((tmp_path / f"run/systems/{name}/result.json").read_text())
    assert result["clips"]["failed"] == 0, result["clips"]
    (seen,) = (json.loads(line) for line in record.read_text().splitlines())
    assert seen["cwd"] == str(program)
    assert placeholders(seen["argv"]) == [w for w in shlex.split(PUBLISHED[name]) if w != "+"]


def test_musetalks_settings_file(tmp_path: Path) -> None:
    suite_ = load_suite(_suite(tmp_path), registry(), recipes=["musetalk"])
    part = next(s for s in suite_.systems if s.name == "musetalk").part
    assert part is not None
    lines = part.options.config.splitlines()
    assert lines[0] == "task_0:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "video_path",
        "audio_path",
        "result_name",
    ]


@pytest.mark.parametrize("name", PUBLISHED)
def test_its_readme_shows_the_line_and_where_it_was_read(name: str) -> None:
    folder = recipes_folder() / name
    text = (folder / "README.md").read_text(encoding="utf-8")
    recipe = (folder / "recipe.yaml").read_text(encoding="utf-8")
    assert "**Untested here**" in text and "# Untested here" in recipe
    commit = re.search(r"[0-9a-f]{40}", recipe)
    assert commit and commit[0] in text
    published = set(re.findall(r"--\w+", text.split("```")[1]))
    ours = set(re.findall(r"--\w+", PUBLISHED[name].split("+")[0]))
    assert published == ours


def test_a_recipe_leaves_the_digest_and_says_what_is_missing(
    thbench,
    tmp_path: Path,
) -> None:
    file = _suite(tmp_path)
    plain = load_suite(file, registry())
    with_it = load_suite(file, registry(), recipes=["hallo"])
    assert plain.digest == with_it.digest
    assert [s.name for s in with_it.systems] == ["echo", "hallo"]
    assert "--with hallo" in with_it.overrides
    done = thbench("run", file, "--with", "hallo", "--dry-run")
    assert done.code == 2
    assert "python of the program: --set systems.hallo.python=PATH" in done.out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hallo4", "there is no recipe 'hallo4'"),
        ("absent.yaml", "does not exist"),
        ("systems: {echo: {generator: toy-echo, resolution: 32}}", "has a system of that name"),
        ("seed: 2\nsystems: {}", "and nothing else"),
        ("systems: [echo]", "and nothing else"),
    ],
)
def test_wrong_recipes_are_refused(tmp_path: Path, text: str, says: str) -> None:
    name = text
    if ":" in text:
        (tmp_path / "recipe.yaml").write_text(text)
        name = str(tmp_path / "recipe.yaml")
    with pytest.raises(UserError, match=says):
        load_suite(_suite(tmp_path), registry(), recipes=[name])


def _suite(folder: Path) -> Path:
    file = folder / "suite.yaml"
    file.write_text(SUITE)
    return file


def thbench_frames(file: Path) -> str:
    """Frames of the one clip, so that the fake program needs no decoder."""
    from thbench.environment import Settings
    from thbench.plugins.context import build
    from thbench.suite.split import split_of

    loaded = load_suite(file, registry())
    part = loaded.dataset
    dataset: Any = build(part.registered, part.options, registry(), Settings())
    (clip,) = split_of(loaded, Settings()).clips
    return str(len(dataset.load(clip, 16).frames))


def fake(path: Path, record: Path, frames: int, size: int) -> None:
    """An interpreter that is none: it records what it is given and writes where that program would."""
    folder = str(PROGRAM.parent)
    values = {"python": sys.executable, "folder": folder, "record": str(record)}
    path.write_text(FAKE.format(frames=frames, size=size, **values))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def placeholders(argv: list[str]) -> list[str]:
    """Private paths and seeds by what they are."""
    known = {
        r"/.*/in/\w+(\.\w+)": r"<in>\1",
        r"/.*/out/\w+(\.\w+)": r"<out>\1",
        r"/.*/out": "<out>",
    }
    known |= {
        r"/.*/in/config(\.yaml)": r"<in>\1",
        r"/.*/latentsync": "<folder>",
        r"\d{4,}": "<number>",
    }
    named = []
    for word in argv:
        for pattern, name in known.items():
            word = re.sub(f"^{pattern}$", name, word)
        named.append(word)
    return named
