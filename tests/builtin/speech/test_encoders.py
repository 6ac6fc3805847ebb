"""Audio encoders for generators: counts, windows, published names."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from thbench.api import UserError
from thbench_speech import blocks
from thbench_speech.encoders import MelEncoder, SdaEncoder, load_sda, sda_windows
from thbench_speech.mel import filters, log_mel, windows_of


def tone(hertz: float, seconds: float) -> np.ndarray:
    t = np.arange(int(16_000 * seconds)) / 16_000
    return (8000 * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def test_the_sda_encoder_has_its_published_size_and_names() -> None:
    encoder = SdaEncoder()
    assert sum(p.numel() for p in encoder.parameters()) == 1_490_896
    names = set(encoder.state_dict())
    assert {"encoder.cl.0.weight", "encoder.cl.5.bias", "encoder.activations.4.0.running_mean",
            "rnn.weight_ih_l0", "rnn.bias_hh_l1"} <= names  # fmt: skip
    assert encoder(torch.zeros(2, 3, 3200)).shape == (2, 3, 256)


def test_sda_weights_load_from_their_place_in_the_file(tmp_path: Path) -> None:
    one, other = SdaEncoder(), SdaEncoder()
    file = tmp_path / "crema.dat"
    torch.save({"audio_rate": 16000, "encoder": one.state_dict(), "generator": {}}, file)
    load_sda(other, file)
    assert torch.equal(one.rnn.weight_hh_l1, other.rnn.weight_hh_l1)
    torch.save({"audio_rate": 16000}, file)
    with pytest.raises(UserError, match="holds no `encoder`"):
        load_sda(other, file)
    torch.save({"encoder": {"cl.0.weight": torch.zeros(1)}}, file)
    with pytest.raises(UserError, match="weights do not fit"):
        load_sda(other, file)
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError, match="no file of PyTorch weights"):
        load_sda(other, file)


def test_sda_windows_are_those_of_the_facts() -> None:
    """0.2 s, one every 640 samples, 1280 zeros before the first."""
    audio = np.arange(1, 4 * 640 + 1, dtype=np.int16)
    windows = sda_windows(audio, 4)
    assert windows.shape == (4, 3200)
    assert (windows[0, :1280] == 0).all()
    assert windows[0, 1280] == pytest.approx(2 / 32767)
    assert np.array_equal(windows[1, :2560], windows[0, 640:])
    assert windows[3, 1280 + 639] == pytest.approx(2 * 4 * 640 / 32767)
    assert (windows[3, 1920:] == 0).all()


def test_mel_windows_are_centred_on_their_frames() -> None:
    audio = np.zeros(10 * 640, np.int16)
    audio[5 * 640 : 6 * 640] = tone(1000, 0.04)
    windows = windows_of(log_mel(audio, 10), 10)
    assert windows.shape == (10, 40, 20)
    assert windows.dtype == np.float32
    loud = windows.max(axis=1).argmax(axis=1)  # column of 10 ms that is loudest
    assert 8 <= loud[5] < 12  # the frame's own four columns are the middle ones
    assert 4 <= loud[6] < 8
    assert np.allclose(windows[0], -1.5)  # silence


def test_a_long_sound_is_computed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The columns of one block for all, in less than half of the memory."""
    audio = np.random.default_rng(5).integers(-9000, 9000, 200 * 16_000).astype(np.int16)

    def held() -> tuple[np.ndarray, int]:
        tracemalloc.start()
        try:
            found = log_mel(audio, 5000)
            return found, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    found, peak = held()
    monkeypatch.setattr(blocks, "BLOCK", 10**6)
    whole, at_once = held()
    assert found.shape == (4 * 5004, 40) and found.dtype == np.float32
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-6)
    assert peak < at_once / 2


def test_a_tone_peaks_in_its_filter() -> None:
    for hertz in (200.0, 1000.0, 4000.0):
        band = log_mel(tone(hertz, 0.4), 10)[20].argmax()
        centre = filters()[band].argmax() * 16_000 / 512
        assert abs(centre - hertz) <= max(0.15 * hertz, 40)


@pytest.mark.parametrize("samples", [1, 640, 6400, 20_000])
def test_any_length_of_sound_serves_any_number_of_frames(samples: int) -> None:
    audio = tone(300, 2)[:samples]
    for n in (1, 2, 10):
        assert windows_of(log_mel(audio, n), n).shape == (n, 40, 20)
        assert sda_windows(audio, n).shape == (n, 3200)


def test_the_mel_encoder_takes_every_frame_by_itself() -> None:
    encoder = MelEncoder(7).eval()
    x = torch.randn(2, 4, 40, 20)
    together = encoder(x)
    assert together.shape == (2, 4, 7)
    torch.testing.assert_close(encoder(x[:1, 2:3])[0, 0], together[0, 2], rtol=1e-5, atol=1e-6)
