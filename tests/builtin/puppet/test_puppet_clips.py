"""Names, labels, sizes, cache, and the same bytes wherever and whenever a clip is made."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from thbench.api import SAMPLES_PER_FRAME, Clip, ClipFailure, Dataset, Source, UserError
from thbench_puppet.actors import ACTORS, actor
from thbench_puppet.dataset import make
from thbench_puppet.names import EMOTIONS, LEVELS, levels_of
from thbench_puppet.portrait import portrait
from thbench_puppet.render import oversampling
from thbench_puppet.sentences import SENTENCES, SOUNDS, TEXTS

SPLIT = Path(__file__).parents[3] / "benchmarks" / "splits" / "puppet_v1.yaml"


def digest(source: Source) -> str:
    arrays = [
        source.frames,
        source.audio,
        *(source.annotations[k] for k in sorted(source.annotations)),
    ]
    return sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def test_clips_are_named_and_counted_as_in_crema_d(puppet: Callable[..., Dataset]) -> None:
    clips = puppet().clips()
    ids = [clip.id for clip in clips]
    assert ids == sorted(set(ids))
    assert Counter(clip.actor for clip in clips) == dict.fromkeys(ACTORS, 82)
    assert len(ACTORS) == 91 and ACTORS[0] == "1001" and ACTORS[-1] == "1091"
    of_one = [clip.id[5:] for clip in clips if clip.actor == "1001"]
    assert sum(i.startswith("IEO") for i in of_one) == 16
    assert {i[8:] for i in of_one if not i.startswith("IEO")} == {"XX"}
    assert "IEO_NEU_XX" in of_one and "IEO_NEU_LO" not in of_one


def test_labels_say_what_is_true(clips: dict[str, Clip]) -> None:
    for clip in clips.values():
        name, sentence, emotion, level = clip.id.split("_")
        labels = clip.labels
        assert clip.actor == name
        assert (labels["sentence"], labels["emotion"], labels["level"]) == (
            sentence,
            emotion,
            level,
        )
        assert 20 <= int(labels["age"]) <= 74
        assert labels["sex"] == actor(name).sex
    assert set(SENTENCES) == set(TEXTS) and len(SENTENCES) == 12 and len(EMOTIONS) == 6


def some_clips(actors: Sequence[str]) -> list[str]:
    """One clip of each of `actors`, all sentences and emotions in turn, and every level."""
    sentences, emotions = list(SENTENCES), list(EMOTIONS)
    pairs = [(sentences[i % 12], emotions[(i // 12 + i) % 6]) for i in range(len(actors))]
    chosen = [
        f"{name}_{sentence}_{emotion}_{levels_of(sentence, emotion)[-1]}"
        for name, (sentence, emotion) in zip(actors, pairs, strict=True)
    ]
    return [*chosen, *(f"1030_IEO_FEA_{level}" for level in ("LO", "MD", "HI"))]


def renders(dataset: Dataset, clips: dict[str, Clip], chosen: Sequence[str]) -> None:
    for clip_id in chosen:
        source = dataset.load(clips[clip_id], 32)
        n = len(source.frames)
        assert source.frames.shape == (n, 32, 32, 3) and source.frames.dtype == np.uint8
        assert source.audio.dtype == np.int16 and len(source.audio) == n * SAMPLES_PER_FRAME
        assert 1.2 < n / 25 < 5
        assert source.frames.std() > 20 and np.abs(source.audio.astype(int)).max() > 3000


@pytest.mark.slow
def test_every_sentence_emotion_and_level_renders(
    puppet: Callable[..., Dataset], clips: dict[str, Clip]
) -> None:
    chosen = some_clips(ACTORS[::4])
    for place, names in ((1, SENTENCES), (2, EMOTIONS), (3, LEVELS)):
        assert {clip_id.split("_")[place] for clip_id in chosen} == set(names)
    renders(puppet(), clips, chosen)


@pytest.mark.long
def test_every_actor_speaks(puppet: Callable[..., Dataset], clips: dict[str, Clip]) -> None:
    renders(puppet(), clips, some_clips(ACTORS))


@pytest.mark.slow
def test_all_actors_look_and_sound_different() -> None:
    size = oversampling(32) * 32
    looks = np.stack([cv2.resize(portrait(a, size).head, (32, 32)).ravel() for a in ACTORS])
    apart = np.abs(looks[:, None].astype(float) - looks[None]).mean(axis=2)
    assert apart[~np.eye(len(looks), dtype=bool)].min() > 2
    men, women = (
        [actor(a).voice.pitch for a in ACTORS if actor(a).sex == sex] for sex in ("male", "female")
    )
    assert len(set(men) | set(women)) == 91 and max(men) < min(women)


@pytest.mark.slow
def test_same_bytes_in_another_process_and_another_order() -> None:
    ids = ["1002_IEO_HAP_HI", "1021_DFA_SAD_XX", "1002_WSI_FEA_XX"]
    here = {i: digest(make(i, 64)) for i in ids}
    code = (
        "import sys, cv2; cv2.setNumThreads(2); sys.path[:0] = sys.argv[1].split('|')\n"
        "from test_puppet_clips import digest; from thbench_puppet.dataset import make\n"
        "for i in sys.argv[2:]: print(i, digest(make(i, 64)))"
    )
    paths = "|".join([str(Path(__file__).parent), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", code, paths, *reversed(ids)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert dict(line.split() for line in run.stdout.splitlines()) == here


def test_cached_clips_are_the_rendered_ones_and_damage_is_mended(
    puppet: Callable[..., Dataset], clips: dict[str, Clip], tmp_path: Path
) -> None:
    dataset, clip = puppet(), clips["1004_TSI_DIS_XX"]
    fresh = digest(dataset.load(clip, 48))
    (stored,) = tmp_path.rglob("*.npz")
    before = stored.stat().st_mtime_ns
    assert digest(dataset.load(clip, 48)) == fresh and stored.stat().st_mtime_ns == before
    stored.write_bytes(stored.read_bytes()[:-4000])
    assert digest(dataset.load(clip, 48)) == fresh
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.slow
@pytest.mark.parametrize("n", [128, 64, 32])
def test_other_sizes_show_the_same_scene(n: int) -> None:
    large, small = make("1011_TAI_HAP_XX", 256), make("1011_TAI_HAP_XX", n)
    k = 256 // n
    averaged = large.frames.reshape(len(large.frames), n, k, n, k, 3).mean(axis=(2, 4))
    assert np.abs(averaged - small.frames).mean() < 1.0
    assert abs((averaged - small.frames).mean()) < 0.3
    scaled = (large.annotations["landmarks"] + 0.5) / k - 0.5
    np.testing.assert_allclose(scaled, small.annotations["landmarks"], atol=1e-3)
    np.testing.assert_array_equal(large.audio, small.audio)


@pytest.mark.slow
@pytest.mark.parametrize("size", [50, 100, 224])
def test_any_size_can_be_drawn(
    puppet: Callable[..., Dataset], clips: dict[str, Clip], size: int
) -> None:
    assert puppet().load(clips["1006_TSI_NEU_XX"], size).frames.shape[1:] == (size, size, 3)


def test_mistakes_are_refused(puppet: Callable[..., Dataset], clips: dict[str, Clip]) -> None:
    with pytest.raises(UserError, match="32 to 512"):
        puppet().load(clips["1001_TSI_NEU_XX"], 31)
    with pytest.raises(ClipFailure, match="1092_TSI_NEU_XX"):
        puppet().load(Clip("1092_TSI_NEU_XX", "1092"), 64)


def test_split_covers_the_cast_once_and_is_balanced() -> None:
    split = yaml.safe_load(SPLIT.read_text())
    parts = [[str(a) for a in split[part]] for part in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [73, 8, 10]
    assert sorted(a for part in parts for a in part) == list(ACTORS)
    for part in parts:
        women = sum(actor(a).sex == "female" for a in part)
        assert abs(2 * women - len(part)) <= 1


def test_all_written_phonemes_have_a_sound(clips: dict[str, Clip]) -> None:
    from thbench_puppet.sentences import GLIDES, PHONEMES, VISEMES

    written = {token.rstrip("1") for text in SENTENCES.values() for token in text.split()}
    assert written <= set(PHONEMES)
    assert all(part in SOUNDS for pair in GLIDES.values() for part in pair)
    assert {sound.viseme for sound in SOUNDS.values()} == set(VISEMES)
