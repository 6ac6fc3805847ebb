"""What `thbench report` writes: escaping, size, previews in step with the store, what is made again."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from guards import some
from made import FLASH, clicking, clip_ids, counted, frame_in, made_run
from runs import start
from thbench.api import SAMPLES_PER_FRAME, Clip, UserError
from thbench.cli.main import cli
from thbench.engines.local import LocalEngine
from thbench.files.cache import Entry
from thbench.report import overview
from thbench.report import page_data as finding
from thbench.report.cards import cards
from thbench.report.colours import colours
from thbench.report.curves import KeptCurve, brightness, kept_arrays, motion, over_time
from thbench.report.data_files import as_script
from thbench.report.page import Options, worth_seeing, write_report
from thbench.report.run_data import read_run
from thbench.report.speed import speeds
from thbench.video import MediaReader
from trainings import trained

ENGINE = LocalEngine(1)
SCRIPT = "<script>document.title='run'</script>"


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href")]


def data_of(report: Path, name: str) -> dict[str, object]:
    text = (report / "data" / f"{name}.js").read_text()
    head = f"thb.put({json.dumps(name)},"
    assert text.startswith(head)
    return json.loads(text[len(head) :].removesuffix(");\n"))


def test_a_system_called_script_is_shown_and_not_run(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=[SCRIPT, "b"], n_clips=2)
    page = write_report(run, tmp_path / "out", ENGINE, Options(strips=0)).read_text()
    parsed = Links()
    parsed.feed(page)
    assert SCRIPT not in page
    assert "&lt;script&gt;document" in page
    assert "<b>it</b>" not in page
    assert parsed.tags.count("script") == 7  # our own files and the first data
    assert SCRIPT not in (tmp_path / "out" / "data" / "core.js").read_text()


def test_every_address_of_a_page_lies_beside_it(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", n_clips=2, videos=1, n_frames=10)
    out = tmp_path / "out"
    parsed = Links()
    parsed.feed(write_report(run, out, ENGINE, Options()).read_text())
    files = {a for a in parsed.addresses if not a.startswith(("#", "data:"))}
    assert files
    assert all((out / name).is_file() for name in files)


def test_data_cannot_end_its_script() -> None:
    text = as_script("x", {"a": "</script><!--\u2028&"})
    assert text.isascii()
    assert "<" not in text
    assert ">" not in text
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_script("x", float("nan"))


@pytest.mark.slow
def test_820_clips_of_6_systems_stay_below_a_megabyte(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=list("abcdef"), n_clips=820, columns=8)
    write_report(run, tmp_path / "out", ENGINE, Options(players=0, strips=0))
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 1_000_000
    rows = data_of(tmp_path / "out", "rows-0")
    assert len(rows["values"]["metric0"]) == 820  # type: ignore[index]


def test_a_preview_is_in_step_with_the_store(tmp_path: Path) -> None:
    """The flash and the click of one frame lie where the lossless store has them."""
    run = made_run(tmp_path / "run", systems=["a"], n_clips=1, videos=1)
    write_report(run, tmp_path / "out", ENGINE, Options(strips=0))
    (preview,) = (tmp_path / "out" / "video" / "a-96").iterdir()
    seen = MediaReader().read(preview, fps=None)
    assert [frame_in(f) for f in seen.frames] == list(range(40))
    assert int(np.argmax(seen.frames[:, 40:].mean(axis=(1, 2, 3)))) == FLASH
    assert seen.audio is not None
    stored = clicking(40).astype(np.float64)
    lag = int(np.argmax(np.correlate(seen.audio.astype(np.float64)[: len(stored)], stored, "full")))
    assert abs(lag - (len(stored) - 1)) <= SAMPLES_PER_FRAME // 20  # 2 ms


def test_only_what_changed_is_made_again(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["a"], n_clips=2, videos=2, n_frames=10)
    out = tmp_path / "out"
    write_report(run, out, ENGINE, Options(strips=0))
    videos = sorted(out.glob("video/*/*.mp4"))
    before = [p.stat().st_ino for p in videos]
    write_report(run, out, ENGINE, Options(strips=0))
    assert [p.stat().st_ino for p in videos] == before
    clip = clip_ids(2)[0]
    (out / "data" / f"clip-{clip}.js").unlink()
    write_report(run, out, ENGINE, Options(strips=0))
    changed = [p for p, inode in zip(videos, before, strict=True) if p.stat().st_ino != inode]
    assert {p.stem for p in changed} == {clip}


@pytest.mark.slow
def test_arrays_of_a_metric_become_curves_over_time(tmp_path: Path) -> None:
    """A whole run: the toy's array of levels is found through the keys that the run has kept."""
    run = start(tmp_path)
    run.both()
    out = tmp_path / "out"
    write_report(run.job.run.root, out, ENGINE, Options())
    clip = next(iter(run.split.clips)).id
    data = data_of(out, f"clip-{clip}")
    (kept,) = data["videos"]["0"]["arrays"]  # type: ignore[index]
    assert (kept["name"], kept["start"]) == ("levels", 0)
    assert len(kept["values"]) == data["videos"]["0"]["n"]  # type: ignore[index]
    page = (out / "index.html").read_text()
    assert "trained_on" not in page
    assert "unknown" in page
    labels = data_of(out, "core")["clips"]["labels"]  # type: ignore[index]
    assert set(labels) == {"actor", "sentence"}


def test_an_array_of_fixed_length_does_not_run_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = {"a": (31, 46), "b": (31, 36), "c": (31, 60)}
    monkeypatch.setattr(
        "thbench.report.curves._arrays",
        lambda keys: [
            KeptCurve("m", n, np.zeros(k)) for n, k in zip("xy", lengths[keys["m"]], strict=True)
        ],
    )
    frames = {"a": 50, "b": 40, "c": 64}
    assert over_time([({"m": k}, n) for k, n in frames.items()]) == {("m", "y")}
    assert over_time([({"m": "b"}, 40)]) == {("m", "y")}


def test_motion_and_brightness() -> None:
    frames = np.zeros((3, 4, 4, 3), np.uint8)
    frames[1] = 200
    assert np.isnan(motion(frames)[0])
    assert motion(frames)[1:].tolist() == [200, 200]  # a fall counts like a rise
    assert brightness(frames).tolist() == [0, 200, 0]
    assert len(motion(counted(5))) == 5


def test_best_and_those_whose_interval_reaches_it_are_marked(tmp_path: Path) -> None:
    material = read_run(made_run(tmp_path / "run", systems=["a", "b", "c"], n_clips=400))
    (group,) = overview.table_groups(material)
    for column in group.columns:
        scores = {line.entrant.name: line.entrant.scores[column] for line in group.systems}
        best = min(s.value for s in scores.values() if s.value is not None)
        for line in group.systems:
            score, mark = scores[line.entrant.name], line.cells[column].mark
            assert score.interval is not None
            assert (mark == "best") == (score.value == best)
            if mark != "best":
                assert (mark == "tied") == (score.interval.low <= best)  # type: ignore[operator]
    assert all(not cell.mark for line in group.controls for cell in line.cells.values())


def test_what_metrics_say_of_their_values_stands_below_the_table(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["a", "b"])
    for file in some(run.rglob("result.json")):
        result = json.loads(file.read_text())
        if result["system"]["name"] in ("a", "b"):
            column = next(iter(result["scores"]))
            result["scores"][column]["notes"] = ["80% of it is from <flat> regions"]
            file.write_text(json.dumps(result))
    (group,) = overview.table_groups(read_run(run))
    assert group.notes == [f"{column}: 80% of it is from <flat> regions (b, a)"]
    page = write_report(run, tmp_path / "out", ENGINE, Options(strips=0)).read_text()
    assert f"<li>{column}: 80% of it is from &lt;flat&gt; regions (b, a)</li>" in page


def test_resolutions_stand_apart(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["a", "b"], sizes=(64, 128))
    groups = overview.table_groups(read_run(run))
    assert [(g.heading, [x.entrant.name for x in g.systems]) for g in groups] == [
        ("64 × 64 px", ["a"]), ("128 × 128 px", ["b"]),
    ]  # fmt: skip
    assert all(g.controls[0].entrant.is_truth for g in groups)


def test_breakdowns_count_and_average_their_clips(tmp_path: Path) -> None:
    material = read_run(made_run(tmp_path / "run", n_clips=200))
    found = finding.breakdowns(material)
    assert set(found) == {"emotion", "age", "sex", "actor"}
    assert found["age"]["values"] == ["20–29", "30–39", "40–49", "50–59", "60–69"]
    values = material.entrants[0].values["metric0"]
    female = [v for c, v in zip(material.clips, values, strict=True) if c.labels["sex"] == "female"]
    mean, low, high, n = found["sex"]["cells"]["0"]["metric0"][0]
    assert found["sex"]["clips"] == [100, 100]
    assert n == 100
    assert mean == pytest.approx(np.mean(female), rel=1e-5)
    assert low < mean < high


def test_labels_that_tell_no_groups_apart_are_left_out() -> None:
    clips = [Clip(f"c{i}", "a", {"id": f"x{i}", "same": "1"}) for i in range(40)]
    assert finding.clip_groups(clips) == {}


def test_pairs_of_one_resolution_are_compared(tmp_path: Path) -> None:
    material = read_run(made_run(tmp_path / "run", systems=["a", "b", "c"], n_clips=12))
    (one, *_), found = material.entrants, finding.pairs(material)
    assert len(found) == 6  # three systems and the ground truth
    first = found[0]
    other = material.entrants[first["b"]]
    expected = np.mean(one.values["metric0"]) - np.mean(other.values["metric0"])  # type: ignore[arg-type]
    assert first["columns"]["metric0"]["difference"] == pytest.approx(expected, rel=1e-4)


def test_the_worst_clips_get_players_first(tmp_path: Path) -> None:
    material = read_run(made_run(tmp_path / "run", systems=["a"], n_clips=30, columns=1))
    values = dict(zip(clip_ids(30), material.entrants[0].values["metric0"], strict=True))
    order = worth_seeing(material)
    assert order[0] == max(values, key=lambda c: values[c] or 0)
    assert sorted(order) == sorted(values)


def test_speed_counts_frames_of_the_clips_that_were_made(tmp_path: Path) -> None:
    material = read_run(made_run(tmp_path / "run", systems=["a"], n_clips=2, videos=2, n_frames=10))
    (found,) = speeds(material)
    assert (found.clips, found.seconds, found.frames_per_second) == (1, 2.0, 5.0)
    assert (found.realtime, found.peak_megabytes) == (0.2, 100)


def test_training_logs_beside_a_checkpoint_are_drawn(tmp_path: Path) -> None:
    run, folder = made_run(tmp_path / "run", systems=["a"]), tmp_path / "training"
    folder.mkdir()
    (folder / "best.safetensors").write_bytes(b"")
    (folder / "train.csv").write_text("step,epoch,loss\n1,0.1,2.0\n2,0.2,1.5\n3,0.")
    file = run / "systems" / "s0" / "result.json"
    data = json.loads(file.read_text())
    data["system"]["options_given"] = {"checkpoint": str(folder / "best.safetensors")}
    file.write_text(json.dumps(data))
    page = write_report(run, tmp_path / "out", ENGINE, Options()).read_text()
    assert 'id="view-training"' in page
    assert "loss" in page


@pytest.mark.slow
def test_a_training_of_the_loop_is_drawn_with_its_samples(tmp_path: Path) -> None:
    folder = trained(tmp_path / "training", steps=10)
    run = made_run(tmp_path / "run", systems=["a"])
    file = run / "systems" / "s0" / "result.json"
    data = json.loads(file.read_text())
    data["system"]["options_given"] = {"checkpoint": str(folder / "best.safetensors")}
    file.write_text(json.dumps(data))
    page = write_report(run, tmp_path / "out", ENGINE, Options())
    text = page.read_text()
    for curve in ("l1", "snr", "generator", "discriminator", "steps_per_second"):
        assert f">{curve}<" in text or f">{curve}, timings<" in text, curve
    (sample,) = (page.parent / "training").glob("*.png")
    assert f'src="training/{sample.name}"' in text
    picture = cv2.imread(str(sample))
    assert picture.shape[0] > 4 * 128  # two clips, ground truth above what was generated
    assert picture.std() > 10


def test_self_test_and_licence_stand_on_the_card(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run")
    finding_ = {"metric": "metric0", "score": "metric0", "corruption": "blur", "declared": "+",
                "verdict": "FAILED", "why": "it fell <i>", "slope": -1.0, "n": 3, "of": 4}  # fmt: skip
    (run / "selftest.json").write_text(json.dumps({"schema": 1, "findings": [finding_]}))
    cli(["report", str(run), "-o", str(tmp_path / "out"), "--no-videos"], standalone_mode=False)
    page = (tmp_path / "out" / "index.html").read_text()
    assert "FAILED: it fell &lt;i&gt;" in page
    assert "w: MIT" in page
    assert '<dd class="formula">a &lt; b</dd>' in page
    assert "likes &lt;i&gt;blur&lt;/i&gt;" in page


def test_what_cannot_be_reported_is_said_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no result"):
        read_run(tmp_path)
    with pytest.raises(UserError, match="needs a RUN folder"):
        cli(["report"], standalone_mode=False)
    bad = tmp_path / "selftest.json"
    bad.write_text("[]")
    run = made_run(tmp_path / "run")
    with pytest.raises(UserError, match=r"is no selftest\.json"):
        cli(["report", str(run), "--selftest", str(bad)], standalone_mode=False)


class Offsets:
    """A cache of one observation: a curve over offsets, as long as a curve over time would be."""

    def get(self, key: str) -> Entry:
        return Entry(
            {},
            {
                "distances": np.arange(5.0),
                "distances.offset": np.arange(2, -3, -1),
                key: np.ones(5),
            },
            None,
        )


def test_an_array_says_what_it_runs_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thbench.report.curves.observation_cache", Offsets)
    assert over_time([({"m": "levels"}, 5)]) == {("m", "levels")}
    distances, levels = kept_arrays({"m": "levels"}, 5, {("m", "levels")})
    assert (distances["axis"], distances["at"]) == ("offset", [2, 1, 0, -1, -2])
    assert (distances["start"], levels["start"]) == (None, 0)
    assert levels["at"] is None


def test_the_primary_score_leads_and_is_marked(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", columns=3)
    for file in run.rglob("result.json"):
        data = json.loads(file.read_text())
        data["suite"]["primary"] = "metric1"
        file.write_text(json.dumps(data))
    assert list(read_run(run).columns) == ["metric1", "metric0", "metric2"]
    page = write_report(run, tmp_path / "out", ENGINE, Options(strips=0)).read_text()
    assert page.count("<small>primary: ranks</small>") == 1


def test_nobody_is_best_where_all_are_equal(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["a", "b"], n_clips=20)
    for file in run.glob("systems/*/result.json"):
        data = json.loads(file.read_text())
        data["scores"]["metric0"] |= {"value": 3.0, "interval": None}
        file.write_text(json.dumps(data))
    (group,) = overview.table_groups(read_run(run))
    assert [line.cells["metric0"].mark for line in group.systems] == ["", ""]
    assert "best" in [line.cells["metric1"].mark for line in group.systems]


def test_a_column_has_the_identity_of_its_resolution(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["a", "b"], sizes=(64, 128))
    for file in run.rglob("result.json"):
        data = json.loads(file.read_text())
        size = data["system"]["resolution"]
        for score in data["scores"].values():
            score["identity"]["resolution"] = size
            score["identity_digest"] = f"{size:064d}"
        file.write_text(json.dumps(data))
    material = read_run(run)
    small, large = overview.table_groups(material)
    assert small.columns["metric0"].identity["resolution"] == 64
    assert large.columns["metric0"].identity["resolution"] == 128
    card = cards(material, None)[0]
    assert card.digests == {64: f"{64:064d}", 128: f"{128:064d}"}
    assert "resolution" not in card.identity


def test_controls_stand_in_their_usual_order(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["a", "delayed-audio", "still-identity"])
    for file in sorted(run.glob("systems/*/result.json"))[1:]:
        data = json.loads(file.read_text())
        data["system"]["kind"], data["ranked"] = "control", False
        target = run / "controls" / "96" / data["system"]["name"]
        file.parent.rename(target)
        (target / "result.json").write_text(json.dumps(data))
    (group,) = overview.table_groups(read_run(run))
    names = [line.entrant.name for line in group.controls]
    assert names == ["ground-truth", "still-identity", "delayed-audio"]


def test_a_system_keeps_its_colour_whatever_its_place_and_resolution(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["b", "a", "c"], sizes=(64, 128))
    drawn = read_run(run).colours
    assert drawn == {n: colours("cab")[n] for n in ("a", "b", "c", "ground-truth")}
    assert len(set(drawn.values())) == 4
    write_report(run, tmp_path / "out", ENGINE, Options(strips=0))
    entrants = data_of(tmp_path / "out", "core")["entrants"]
    assert {e["name"]: e["colour"] for e in entrants} == drawn  # type: ignore[attr-defined]
    plot = next(iter(overview.table_groups(read_run(run))[0].plots.values()))
    assert f"fill='{drawn['b']}'" in plot
