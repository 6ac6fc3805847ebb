"""What `study make` writes: nothing in it tells systems apart, and the same command makes the same bytes."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter, defaultdict
from pathlib import Path

import av
import numpy as np
import pytest

from guards import some
from studies import SYSTEMS, named
from thbench.api import UserError
from thbench.controls import CONTROLS
from thbench.engines.local import LocalEngine
from thbench.study.form import StudyKey, checksum
from thbench.study.make import Asked, make
from thbench.study.material import material_of
from thbench.study.page import origin, policy
from thbench.study.wording import LANGUAGES, wording
from thbench.video import MediaReader


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def page_data(study: Path) -> dict[str, object]:
    page = (study / "site" / "index.html").read_text(encoding="utf-8")
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def test_no_name_of_a_system_stands_in_any_file(study_folder: Path, finished_run: Path) -> None:
    words = [*SYSTEMS, *CONTROLS, finished_run.name + "/", str(finished_run), "1000_S0", "made"]
    for name, content in some(files(study_folder / "site").items()):
        for word in words:
            for spelled in (word.encode(), word.encode("utf-16-le"), word.encode().hex().encode()):
                assert spelled not in content, (name, word)
            assert word not in name


def test_the_key_lies_outside_of_what_is_published(study_folder: Path, study_key: StudyKey) -> None:
    assert (study_folder / "key.json").stat().st_mode & 0o077 == 0
    for name, content in some(files(study_folder / "site").items()):
        assert study_key.secret.encode() not in content, name
        assert "key" not in name


def test_the_page_knows_neither_kinds_nor_answers(study_folder: Path, study_key: StudyKey) -> None:
    data = page_data(study_folder)
    text = json.dumps({k: v for k, v in data.items() if k != "words"})
    for word in ("mismatched", "twice", "truth", "catch", "entry", "clip", "beeps"):
        assert word not in text
    shapes = {tuple(sorted(t)) for trials in data["lists"] for t in trials}  # type: ignore[attr-defined]
    assert shapes == {("id", "videos")}
    assert {len(t["videos"]) for trials in data["lists"] for t in trials} == {2}  # type: ignore[attr-defined]
    assert {t.kind for t in study_key.trials.values()} == {"pair", "mismatched", "twice"}


def test_files_are_equal_in_size_time_and_form(study_folder: Path) -> None:
    """Nothing that a server or a program for files shows depends on the system."""
    videos = some(sorted((study_folder / "site" / "v").glob("*.mp4")))
    assert len({p.stat().st_size for p in videos}) == 1
    assert len({p.stat().st_mtime_ns for p in videos}) == 1
    assert len({p.stat().st_mode for p in videos}) == 1
    forms = set()
    for path in videos:
        with av.open(str(path)) as file:
            video, sound = file.streams.video[0], file.streams.audio[0]
            tags = {**file.metadata, **video.metadata, **sound.metadata}
            forms.add((
                video.codec_context.name, video.width, video.height, video.average_rate, video.frames,
                video.codec_context.pix_fmt, sound.codec_context.name, sound.rate, sound.layout.name,
                sound.frames, file.duration, tuple(sorted(tags.items())),
            ))  # fmt: skip
    assert len(forms) == 1
    tags = dict(next(iter(forms))[-1])
    assert not {"creation_time", "encoder", "title", "comment"} & set(tags), tags


def test_encoder_settings_in_the_stream_are_the_same(study_folder: Path) -> None:
    """x264 writes its options into the stream; they are one text for all."""
    found = {
        re.search(rb"x264 - core.*?\x80", p.read_bytes(), re.DOTALL)[0]  # type: ignore[index]
        for p in some((study_folder / "site" / "v").glob("*.mp4"))
    }
    assert len(found) == 1


def test_padding_does_not_compress(study_folder: Path) -> None:
    """A server that compresses sends equal sizes too."""
    import zlib

    for path in some((study_folder / "site" / "v").glob("*.mp4")):
        _, free, padding = path.read_bytes().rpartition(b"free")
        assert free
        assert len(zlib.compress(padding)) >= len(padding), path


def test_names_do_not_sort_by_system(study_folder: Path, study_key: StudyKey) -> None:
    """Ranks of each entry's files among the sorted names: none lies systematically early (Kruskal-Wallis)."""
    from scipy.stats import kruskal

    ranks = defaultdict(list)
    for rank, name in enumerate(sorted(study_key.videos)):
        ranks[study_key.videos[name].entry].append(rank)
    assert len(some(ranks)) == 4
    assert kruskal(*ranks.values()).pvalue > 1e-4
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in study_key.videos)


def test_ids_are_another_for_another_secret(
    finished_run: Path, study_key: StudyKey, tmp_path: Path
) -> None:
    asked = Asked(questions=("sync",), trials=1, lists=1, catch=0, seconds=0.1, headphones=False)
    material = material_of(finished_run, SYSTEMS[:2], False, 1, 0)
    make(material, asked, tmp_path / "one", LocalEngine(1))
    make(material, asked, tmp_path / "two", LocalEngine(1))
    names = [{p.name for p in (tmp_path / n / "site/v").iterdir()} for n in ("one", "two")]
    assert len(names[0]) == 2
    assert not names[0] & names[1]


def test_the_same_command_again_makes_the_same_bytes(
    study_folder: Path, finished_run: Path, tmp_path: Path
) -> None:
    asked = Asked(questions=("sync",), trials=2, lists=1, catch=2, seconds=0.2)
    material = material_of(finished_run, (), False, 2, 0)
    make(material, asked, tmp_path / "study", LocalEngine(1))
    before = files(tmp_path / "study")
    (tmp_path / "study/site/v/0123456789abcdef.mp4").write_bytes(b"of an attempt that was stopped")
    make(material, asked, tmp_path / "study", LocalEngine(1))
    assert files(tmp_path / "study") == before
    other = Asked(questions=("realism",), trials=2, lists=1, catch=2, seconds=0.2)
    with pytest.raises(UserError, match=r"holds another study .other asked, words"):
        make(material, other, tmp_path / "study", LocalEngine(1))


def test_twice_is_one_video_in_unlike_files(study_folder: Path, study_key: StudyKey) -> None:
    trial = next(t for t in study_key.trials.values() if t.kind == "twice")
    folder = study_folder / "site" / "v"
    assert trial.right is not None
    one, two = folder / f"{trial.left}.mp4", folder / f"{trial.right}.mp4"
    assert one.read_bytes() != two.read_bytes()
    reader = MediaReader()
    assert np.array_equal(np.stack(list(reader.frames(one))), np.stack(list(reader.frames(two))))


def test_mismatched_has_the_true_picture_with_other_speech(study_key: StudyKey) -> None:
    trials = some([t for t in study_key.trials.values() if t.kind == "mismatched"])
    for trial in trials:
        shown = {side: study_key.videos[str(getattr(trial, side))] for side in ("left", "right")}
        assert trial.truth is not None
        wrong = "right" if trial.truth == "left" else "left"
        assert shown[trial.truth].sound == ""
        assert shown[wrong].sound not in ("", trial.clip)
        assert shown["left"].entry == shown["right"].entry == len(study_key.entries) - 1


def test_lists_are_even(study_key: StudyKey) -> None:
    pairs = Counter()
    for trials in some(study_key.lists):
        for name in trials:
            trial = study_key.trials[name]
            if trial.kind == "pair":
                ends = [study_key.videos[str(v)].entry for v in (trial.left, trial.right)]
                pairs[frozenset(ends)] += 1
    assert len(pairs) == 6
    assert set(pairs.values()) == {2}


def test_mos_shows_one_video_and_repeats_some(finished_run: Path, tmp_path: Path) -> None:
    asked = Asked(
        form="mos", questions=("overall",), trials=6, lists=1, catch=2, seconds=0.2, tie=False
    )
    made = make(
        material_of(finished_run, (), False, None, 0), asked, tmp_path / "s", LocalEngine(1)
    )
    data = page_data(tmp_path / "s")
    (trials,) = data["lists"]  # type: ignore[misc]
    assert {len(t["videos"]) for t in trials} == {1}
    assert len(trials) == 6 + 2
    assert all(a != b for a, b in itertools.pairwise(t["videos"] for t in trials))
    assert made.videos == len({t["videos"][0] for t in trials})


def test_a_clip_without_sound_is_left_out_and_counted(tmp_path: Path) -> None:
    from made import clip_ids, counted, made_run
    from thbench.run.folder import RunFolder
    from thbench.run.records import video_record
    from thbench.video import write_lossless

    run = made_run(tmp_path / "run", systems=["one", "two"], n_clips=2, videos=2, n_frames=4)
    folder = RunFolder(run).system("s0")
    picture = folder.file(clip_ids(2)[0], ".mkv")
    write_lossless(picture, counted(4), None)
    folder.journal.append(
        video_record(folder, clip_ids(2)[0], picture, counted(4), None, [picture])
    )
    named(run, ["one", "two"])
    material = material_of(run, (), False, None, 0)
    assert [c.id for c in material.clips] == [clip_ids(2)[1]]
    assert "1 of 2 clips are not shown" in material.left_out[0]


@pytest.mark.parametrize(
    ("systems", "truth", "message"),
    [
        (("alphasystm",), False, "did you mean 'alphasystem'"),
        (("alphasystem",), False, "1 ranked system.s.; a study compares two or more"),
    ],
)
def test_what_cannot_be_compared_is_said(
    finished_run: Path, systems: tuple[str, ...], truth: bool, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        material_of(finished_run, systems, truth, None, 0)


@pytest.mark.parametrize("form", ["pair", "single"])
def test_every_language_says_everything(form: str) -> None:
    words = wording(LANGUAGES, ("sync", "realism", "identity", "overall"), None)
    assert len(words) == 5
    for data in some(words.values()):
        assert "{n}" in data["progress"]
        assert "{of}" in data["progress"]
        assert len({q[form] for q in data["questions"].values()}) == 4
        assert len(set(data["ratings"])) == 5
    assert len({data["start"] for data in words.values()}) == 5


def test_own_words_replace_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "words.yaml"
    own.write_text(
        "en:\n  start: Go\n  questions:\n    calm: {pair: Which is calmer, single: How calm}\n"
    )
    words = wording(("en",), ("calm", "sync"), own)
    assert words["en"]["start"] == "Go"
    assert list(words["en"]["questions"]) == ["calm", "sync"]


@pytest.mark.parametrize(
    ("text", "languages", "message"),
    [
        (
            "en:\n  strat: Go\n",
            ("en",),
            r"words.yaml .en.:2: unknown key 'strat'.*did you mean 'start'",
        ),
        ("it:\n  name: Italiano\n", ("it",), ".it.: title: is missing"),
        ("en: {}\n", ("xx",), "no words for 'xx'"),
        ("en:\n  ratings: [a, b]\n", ("en",), "ratings"),
    ],
)
def test_wrong_words_are_refused(
    tmp_path: Path, text: str, languages: tuple[str, ...], message: str
) -> None:
    own = tmp_path / "words.yaml"
    own.write_text(text)
    with pytest.raises(UserError, match=message):
        wording(languages, ("sync",), own)


def test_a_question_without_words_is_refused() -> None:
    with pytest.raises(UserError, match="question 'calm' has no words in 'en'"):
        wording(("en",), ("calm",), None)


@pytest.mark.parametrize(
    "post",
    ["http://example.org/a", "ftp://example.org", "https://", "https://a b", "https://u:p@example.org",
     "https://example.org'; script-src *", "javascript:alert(1)"],
)  # fmt: skip
def test_answers_go_to_https_only(post: str) -> None:
    with pytest.raises(UserError, match="no https address"):
        origin(post)


def test_the_policy_names_one_address() -> None:
    assert "connect-src 'self' https://example.org:8443;" in policy(
        "a", "b", "https://example.org:8443/x?y"
    )
    assert "connect-src 'self' http://localhost:80;" in policy("a", "b", "http://localhost:80/")
    assert "unsafe" not in policy("a", "b", None)


def test_hostile_titles_and_words_are_text(finished_run: Path, tmp_path: Path) -> None:
    bad = "</script><img src=x onerror=alert(1)>\u202e"
    own = tmp_path / "words.yaml"
    own.write_text(json.dumps({"en": {"start": bad}}))
    asked = Asked(
        questions=("sync",), trials=1, lists=1, catch=0, seconds=0.1, title=bad,
        languages=("en",), wording=own, headphones=False,
    )  # fmt: skip
    make(material_of(finished_run, (), False, 1, 0), asked, tmp_path / "s", LocalEngine(1))
    page = (tmp_path / "s/site/index.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert "\u202e" not in page
    assert page.count("</script>") == 2


def test_the_checksum_is_fnv_1a() -> None:
    """Test vectors of the FNV reference code (RFC 9923, appendix): `""`, `a`, `foobar`."""
    assert checksum("") == "cbf29ce484222325"
    assert checksum("a") == "af63dc4c8601ec8c"
    assert checksum("foobar") == "85944171f73967e8"


@pytest.mark.parametrize("count", [3, 8])
def test_beeps_can_be_counted_and_lie_in_both_ears(count: int) -> None:
    import random

    from thbench.study.beeps import beeps

    sound = beeps(count, random.Random(1)).astype(float)
    assert sound.shape[1] == 2
    heard = [_bursts(sound[:, ear]) for ear in (0, 1)]
    assert sum(heard) == count
    assert abs(heard[0] - heard[1]) <= 1
    level = 20 * math.log10(np.abs(sound).max() / 32767)
    assert -30 < level < -26


def _bursts(channel: np.ndarray) -> int:
    loud = np.convolve(np.abs(channel) > 100, np.ones(400), "same") > 0
    return int((np.diff(loud.astype(int)) == 1).sum())
