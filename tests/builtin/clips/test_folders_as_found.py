"""Folders as people have them: links, accents, capital suffixes, GIFs, pictures, names that hold the actor."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from PIL import Image

from thbench.api import ClipFailure, UserError
from thbench.video import MediaReader
from thbench_clips import ClipsOptions
from thbench_clips.listing import clips_in_folder, clips_in_manifest
from thbench_clips.names import on_disk
from thbench_clips.pictures import picture_hint
from thbench_external.find import find_video

NFC, NFD = "Zoë_été", normalize("NFD", "Zoë_été")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def actors(root: Path, pattern: str | None = None) -> dict[str, str]:
    return {e.clip.id: e.clip.actor for e in clips_in_folder(root, pattern)}


# -- links ----------------------------------------------------------------------------------------


def test_links_to_folders_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "a.mp4", "deep/b.mp4")
    touch(tmp_path / "root", "c.mp4")
    (tmp_path / "root" / "anna").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root" / "up").symlink_to(tmp_path / "root")
    (tmp_path / "elsewhere" / "deep" / "round").symlink_to(tmp_path / "elsewhere")
    found = actors(tmp_path / "root")
    assert found == {"anna__a": "anna", "anna__deep__b": "deep", "c": "c"}


def test_a_link_to_a_file_that_is_gone_is_a_clip_that_fails(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").symlink_to(tmp_path / "gone.mp4")
    assert list(actors(tmp_path)) == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "closed/b.mp4")
    (tmp_path / "closed").chmod(0)
    with pytest.raises(UserError, match="closed: Permission denied"):
        clips_in_folder(tmp_path)


# -- accents --------------------------------------------------------------------------------------


def test_a_clip_has_one_id_however_its_accents_are_stored(tmp_path: Path) -> None:
    assert list(actors(touch(tmp_path / "mac", f"{NFD}.mp4"))) == [NFC]
    assert list(actors(touch(tmp_path / "linux", f"{NFC}.mp4"))) == [NFC]


@pytest.mark.parametrize("stored", [NFC, NFD])
@pytest.mark.parametrize("asked", [NFC, NFD])
def test_files_are_found_in_either_spelling(stored: str, asked: str, tmp_path: Path) -> None:
    touch(tmp_path, f"{stored}.mp4", f"{stored}/x.mp4")
    assert find_video(tmp_path, "{clip}", asked).name == f"{stored}.mp4"
    assert on_disk(tmp_path, f"{asked}/x.mp4").exists()
    manifest = tmp_path / "clips.csv"
    manifest.write_text(f"file,actor\n{asked}.mp4,zoe\n", encoding="utf-8")
    (entry,) = clips_in_manifest(manifest)
    assert entry.clip.id == NFC
    assert on_disk(tmp_path, entry.file).exists()


def test_both_spellings_in_one_folder_stay_two_clips(tmp_path: Path) -> None:
    try:
        touch(tmp_path, f"{NFC}.mp4", f"{NFD}.mp4")
    except OSError:
        pytest.skip("this file system knows one spelling only")
    if len(list(tmp_path.iterdir())) == 2:
        assert len(actors(tmp_path)) == 2


def test_suffixes_in_capitals(tmp_path: Path) -> None:
    touch(tmp_path, "a.MP4")
    assert find_video(tmp_path, "{clip}", "a").name in ("a.MP4", "a.mp4")


# -- pictures -------------------------------------------------------------------------------------


def picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((32, 32, 3), value, np.uint8)).save(path)


def test_a_gif_is_a_video(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((32, 32, 3), 20 * i, np.uint8)) for i in range(5)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=40)
    read = MediaReader().read(find_video(tmp_path, "{clip}", "a"))
    assert read.frames.shape == (5, 32, 32, 3)
    np.testing.assert_allclose(read.frames.mean((1, 2, 3)), [0, 20, 40, 60, 80], atol=1)
    assert read.audio is None
    assert list(actors(tmp_path)) == ["a"]


def test_folders_of_pictures_come_with_the_command_that_makes_a_video(tmp_path: Path) -> None:
    for i in range(3):
        picture(tmp_path / "some clip" / f"{i:04}.png", 50 * i)
    with pytest.raises(UserError, match="no videos under") as error:
        clips_in_folder(tmp_path)
    with pytest.raises(ClipFailure) as failure:
        find_video(tmp_path, "{clip}", "some clip")
    for text in (error.value.remedy, failure.value.reason):
        assert "some clip holds 3 pictures" in text
        assert "ffmpeg -framerate 25 -pattern_type glob" in text


def test_the_command_of_the_hint_works(tmp_path: Path) -> None:
    for i in range(3):
        picture(tmp_path / "a" / f"{i:04}.png", 50 * i)
    command = picture_hint(tmp_path).partition(": ")[2].replace("-i SPEECH.wav ", "")
    try:
        subprocess.run([*shlex.split(command), "-v", "error"], check=True)
    except FileNotFoundError:
        pytest.skip("the program ffmpeg is not installed")
    frames = MediaReader().read(tmp_path / "a.mkv").frames
    assert frames.mean((1, 2, 3)).tolist() == [0, 50, 100]


# -- actors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{actor}_{clip}", {"anna_1_a": "anna", "bo_2": "bo"}),
        ("{clip}_{actor}", {"anna_1_a": "a", "bo_2": "2"}),
        ("{actor}_*", {"anna_1_a": "anna", "bo_2": "bo"}),
    ],
)
def test_actors_from_names(pattern: str, expected: dict[str, str], tmp_path: Path) -> None:
    assert actors(touch(tmp_path, "anna_1_a.mp4", "bo_2.mp4"), pattern) == expected


def test_actors_from_the_first_folder(tmp_path: Path) -> None:
    root = touch(tmp_path, "anna/day1/a.mp4", "bo/b.mp4")
    assert actors(root, "{actor}/{clip}") == {"anna__day1__a": "anna", "bo__b": "bo"}
    assert actors(root) == {"anna__day1__a": "day1", "bo__b": "bo"}


def test_a_manifest_may_leave_the_actor_to_the_pattern(tmp_path: Path) -> None:
    manifest = tmp_path / "clips.csv"
    manifest.write_text("file,actor\nanna_1.mp4,\nbo_2.mp4,someone\n")
    found = {e.clip.id: e.clip.actor for e in clips_in_manifest(manifest, "{actor}_{clip}")}
    assert found == {"anna_1": "anna", "bo_2": "someone"}


def test_a_file_that_the_pattern_does_not_fit_is_named(tmp_path: Path) -> None:
    root = touch(tmp_path, "anna_1.mp4", *(f"x{i}.mp4" for i in range(5)))
    with pytest.raises(UserError, match=re.escape("x0.mp4, x1.mp4, x2.mp4 and 2 more")):
        clips_in_folder(root, "{actor}_{clip}")


def test_a_pattern_names_the_actor(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape("names {actor} not once")):
        ClipsOptions(tmp_path, actor="{clip}")
