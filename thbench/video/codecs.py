"""Which codecs this build of FFmpeg has."""

from __future__ import annotations

ENCODERS = ("ffv1", "flac", "libx264", "aac")
"""What thbench writes: lossless and for people."""
DECODERS = ("h264", "hevc", "vp9", "mpeg4", "ffv1", "aac", "opus", "mp3", "flac")
"""What videos of data sets and generators usually come in."""


def ffmpeg_versions() -> dict[str, str]:
    """Version of each FFmpeg library by its name. Raises ImportError without PyAV."""
    import av

    return {name: ".".join(map(str, v)) for name, v in av.library_versions.items()}


def codecs_here() -> dict[tuple[str, str], bool]:
    """(name, `encoder` or `decoder`) -> whether it is there. Raises ImportError without PyAV."""
    wanted = [(n, "encoder") for n in ENCODERS] + [(n, "decoder") for n in DECODERS]
    return {(name, role): _has(name, "w" if role == "encoder" else "r") for name, role in wanted}


def _has(name: str, mode: str) -> bool:
    import av

    try:
        av.Codec(name, mode)
    except ValueError:
        return False
    return True
