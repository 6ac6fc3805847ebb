"""Opening a media file, and whether all of it is there.

FFmpeg plays what it finds of a file that was cut short and says nothing. Most containers state
their own length, so a cut is found by comparing that with the file, before anything is decoded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from thbench.api import ClipFailure
from thbench.files.atomic import printable
from thbench.files.foreign import refuse_blocking

if TYPE_CHECKING:
    from av.container import InputContainer

# Only media: playlists and scripts (hls, concat, sdp, ...) would make FFmpeg open other files and
# addresses that the person never named.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,avi,mpegts,mpeg,asf,ogg,wav,w64,flac,mp3,aac,aiff,"
    "ac3,au,caf,dv,mxf,rm,ivf,m4v,h264,hevc,nut,gif,apng"
)


@contextmanager
def open_media(path: Path, threads: int = 1) -> Iterator[InputContainer]:
    """An open container whose decoders use `threads`.

    Raises ClipFailure naming the file where it is missing, empty, cut short or no media; errors of
    FFmpeg inside the block become ClipFailure too.
    """
    import av

    name = printable(Path(path).name)
    try:
        # An open file and not its name: FFmpeg would take `a:b.mp4` for a protocol, and names that
        # are not UTF-8 for an error.
        refuse_blocking(Path(path))
        with Path(path).open("rb") as file:
            _check_whole(file)
            # Tags need not be UTF-8 either, and nobody here reads them.
            options = {"format_whitelist": _FORMATS}
            with av.open(file, options=options, metadata_errors="replace") as container:
                for stream in container.streams:
                    if stream.type in ("video", "audio") and stream.codec_context is not None:
                        stream.codec_context.thread_count = threads
                yield container
    except ClipFailure as failure:
        raise ClipFailure(f"{name}: {failure.reason}") from None
    except FileNotFoundError:
        raise ClipFailure(f"{name}: no such file") from None
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise ClipFailure(f"{name}: undecodable ({_short(error)})") from error
    except OSError as error:
        raise ClipFailure(f"{name}: cannot be read ({error.strerror or error})") from error


def _short(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _check_whole(file: BinaryIO) -> None:
    """Raise ClipFailure where the container says that it is longer than the file."""
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise ClipFailure("empty file (0 bytes)")
    stated = _stated_size(file, size)
    file.seek(0)
    if stated > size:
        raise ClipFailure(f"truncated: {size} bytes of at least {stated}")


def _stated_size(file: BinaryIO, size: int) -> int:
    head = file.read(12)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _matroska_size(file)
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        return _riff_size(file)
    if head[:3] == b"FLV":
        return _flv_size(file, size)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        return _mp4_size(file, size)
    return 0


def _mp4_size(file: BinaryIO, size: int) -> int:
    """End of the last top-level box (ISO/IEC 14496-12, 4.2)."""
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:  # "to the end of the file"
            return size
        if len(head) < 8 or length < 8:  # a cut inside the head, or padding that is no box
            return position + 8 if len(head) < 8 else position
        position += length
    return position


def _matroska_size(file: BinaryIO) -> int:
    """End of the first Segment (RFC 9559); 0 where it was written without a length."""
    file.seek(0)
    position = 0
    while True:
        file.seek(position)
        head = file.read(12)
        if len(head) < 2:
            return position + 2
        id_length = _vint_length(head[0])
        if len(head) <= id_length:
            return position + len(head) + 1
        length_length = _vint_length(head[id_length])
        raw = head[id_length : id_length + length_length]
        length = int.from_bytes(raw, "big") & ((1 << 7 * length_length) - 1)
        if length == (1 << 7 * length_length) - 1:
            return 0
        position += id_length + length_length + length
        if head[:id_length] == b"\x18\x53\x80\x67":
            return position


def _vint_length(first: int) -> int:
    return 9 - first.bit_length() if first else 8


def _riff_size(file: BinaryIO) -> int:
    """End of the first RIFF chunk; 0 where a live writer never knew its length."""
    file.seek(4)
    length = int.from_bytes(file.read(4), "little")
    if length == 0 or length > 0xFFFFFF00:
        return 0
    # Some writers of AVI state the whole file's length, which counts the first 8 bytes too much.
    file.seek(8)
    return length if file.read(4) == b"AVI " else length + 8


def _flv_size(file: BinaryIO, size: int) -> int:
    """End of the last tag, walking the chain of tags (Adobe FLV 10.1, annex E)."""
    file.seek(5)
    position = int.from_bytes(file.read(4), "big") + 4
    while position < size:
        file.seek(position)
        head = file.read(11)
        if len(head) < 11:
            return position + 11
        if head[0] & 0x1F not in (8, 9, 18):  # no tag: the chain is broken, or padding follows
            return position
        # Some writers leave out the last tag's trailing size, so it is not asked for.
        end = position + 11 + int.from_bytes(head[1:4], "big")
        if end >= size - 4:
            return end
        position = end + 4
    return position
