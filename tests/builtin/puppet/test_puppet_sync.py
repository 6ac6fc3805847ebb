"""The true AV offset is 0, and delaying the sound moves it by as much."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from guards import some
from thbench.api import SAMPLES_PER_FRAME, Source, Waveform
from thbench_puppet.actors import ACTORS, actor
from thbench_puppet.corruptions import delay
from thbench_puppet.names import all_clips
from thbench_puppet.scene import scene, truth
from thbench_puppet.speech import synthesise
from thbench_puppet.timeline import score_of

TEST_ACTORS = [str(1005 + 9 * i) for i in range(10)]
SAMPLE = [clip.id for clip in all_clips() if clip.actor in TEST_ACTORS][3::19]
DELAYS = (-7, -3, 0, 1, 3, 7)
REACH = 15


def envelope(audio: Waveform) -> NDArray[np.float64]:
    """[T] root mean square of each frame's 640 samples."""
    power = np.mean(audio.reshape(-1, SAMPLES_PER_FRAME).astype(np.float64) ** 2, axis=1)
    return np.asarray(np.sqrt(power))


def offset(aperture: NDArray[np.floating], loudness: NDArray[np.floating]) -> int:
    """Lag in frames of the highest correlation; positive where the audio leads."""
    a, b = aperture - aperture.mean(), loudness - loudness.mean()
    n = len(a)
    lags = range(-REACH, REACH + 1)
    peaks = [
        float(np.sum(a[max(k, 0) : n + min(k, 0)] * b[max(-k, 0) : n - max(k, 0)])) for k in lags
    ]
    return lags[int(np.argmax(peaks))]


def undrawn(clip_id: str) -> Source:
    """The clip with black pixels: truth and sound need no drawing."""
    seen = scene(clip_id)
    black = np.zeros((seen.score.n_frames, 1, 1, 3), dtype=np.uint8)
    return Source(black, synthesise(seen.score), truth(seen, 128))


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return [undrawn(clip_id) for clip_id in SAMPLE]


def test_the_lag_has_av_offsets_sign() -> None:
    mouth = np.zeros(60)
    mouth[30] = 1
    assert offset(mouth, np.roll(mouth, -4)) == 4  # heard first: the audio leads
    assert offset(mouth, np.roll(mouth, 4)) == -4


@pytest.mark.parametrize("n", DELAYS)
def test_delaying_the_audio_moves_the_peak(sources: list[Source], n: int) -> None:
    assert len(sources) >= 40
    found = [offset(s.annotations["mouth_aperture"], envelope(delay(s, n).audio)) for s in sources]
    right = np.mean(np.asarray(found) == -n)
    print(f"audio delayed by {n} frames: offset {-n} in {right:.1%} of {len(found)} clips")
    assert right >= 0.95


def test_speech_starts_and_ends_with_the_score(sources: list[Source]) -> None:
    for source in some(sources[::5]):
        start, end = source.annotations["phonemes"][0, 1], source.annotations["phonemes"][-1, 0]
        head = source.audio[: int((start - 0.05) * 16000)].astype(float)
        speech = source.audio[int(start * 16000) : int(end * 16000)].astype(float)
        assert 0 < head.std() < 0.02 * speech.std()


def pitch_of(clip_id: str) -> float:
    """Hz at the first high peak of the autocorrelation of the loudest 60 ms (a later one is its double)."""
    audio = synthesise(score_of(clip_id))
    loudest = int(np.argmax(envelope(audio))) * SAMPLES_PER_FRAME
    piece = audio[loudest - 160 : loudest + 800].astype(np.float64)
    piece = np.convolve(piece, np.ones(32) / 32, "same")  # without the formants
    correlation = np.correlate(piece, piece, "full")[len(piece) - 1 :]
    inner = correlation[1:-1]
    peak = (inner > correlation[:-2]) & (inner >= correlation[2:])
    lags = 1 + np.flatnonzero(peak)
    lags = lags[(lags >= 30) & (lags < 230)]
    return float(16000 / lags[correlation[lags] > 0.75 * correlation[lags].max()][0])


@pytest.mark.slow
def test_voices_have_the_pitch_of_their_actors() -> None:
    names = ACTORS[2::6]
    heard = np.array([pitch_of(f"{name}_MTI_NEU_XX") for name in names])
    meant = np.array([actor(name).voice.pitch for name in names])
    assert np.corrcoef(heard, meant)[0, 1] > 0.9
    assert 0.9 < np.median(heard / meant) < 1.4  # accents lie above the mean


def test_anger_is_louder_and_higher_than_sadness() -> None:
    angry, sad = (synthesise(score_of(f"1013_IEO_{emotion}_HI")) for emotion in ("ANG", "SAD"))
    assert envelope(angry).max() > 1.8 * envelope(sad).max()
    assert pitch_of("1013_IEO_ANG_HI") > 1.2 * pitch_of("1013_IEO_SAD_HI")


@pytest.mark.long
def test_all_clips_of_the_test_actors_are_in_sync() -> None:
    """The figure that the plugin's README reports."""
    ids = [clip.id for clip in all_clips() if clip.actor in TEST_ACTORS]
    for n in (0, -3, 3):
        found = []
        for clip_id in ids:
            source = undrawn(clip_id)
            found.append(
                offset(source.annotations["mouth_aperture"], envelope(delay(source, n).audio))
            )
        share = np.mean(np.asarray(found) == -n)
        print(f"delayed {n}: {share:.2%} of {len(ids)}")
        assert share >= 0.95
