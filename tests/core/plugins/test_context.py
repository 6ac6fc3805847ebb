"""Features that are kept say whether they depend on the sound, also to whoever only finds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thbench.api import ClipFailure, Video
from thbench.environment import Settings
from thbench.files.canonical import digest
from thbench.files.yamlfile import Document
from thbench.plugins import registry
from thbench.plugins.context import CachedExtractor
from thbench.plugins.options import resolve_options
from thbench.video import MemoryVideo, Watched


class Asking:
    """An extractor of what it is told to ask for."""

    identity = "asking"

    def __init__(self, *names: str) -> None:
        self.names, self.calls = names, 0

    def __call__(self, video: Video) -> NDArray[Any]:
        self.calls += 1
        for name in self.names:
            getattr(video, name)
        return video.frames.mean((1, 2, 3))


def extractor(asking: Asking) -> CachedExtractor:
    registered = registry().find("extractor", "toy-levels")
    options = resolve_options(registered.plugin, {}, Document("x", {}), (), "extractor")
    made = CachedExtractor(registered, options, registry(), Settings())
    made.__dict__["_extractor"] = asking
    return made


@pytest.fixture
def video() -> MemoryVideo:
    frames = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    return MemoryVideo(frames, np.ones(9, np.int16))


@pytest.mark.parametrize(
    ("names", "heard"),
    [((), False), (("annotations", "size"), False), (("audio",), True), (("digest",), True)],
)
def test_who_asks_for_features_has_asked_for_what_they_are_made_of(
    video: MemoryVideo, names: tuple[str, ...], heard: bool
) -> None:
    asking = Asking(*names)
    first, again = Watched(video), Watched(video.bare())
    values = [extractor(asking)(first), extractor(asking)(again)]
    assert asking.calls == 1 and values[0].tolist() == values[1].tolist()
    assert (first.heard, again.heard) == (heard, heard)


def test_one_who_heard_before_still_has(video: MemoryVideo) -> None:
    watched = Watched(video)
    assert watched.audio is not None
    extractor(Asking())(watched)
    assert watched.heard


def test_features_that_do_not_say_it_may_depend_on_the_sound(video: MemoryVideo) -> None:
    found = extractor(Asking())
    kept = np.arange(2.0)
    found._cache.put(digest([found._base, video.digest]), arrays={"features": kept})
    watched = Watched(video)
    assert found(watched).tolist() == [0, 1] and watched.heard


def test_a_refusal_is_kept_as_one(video: MemoryVideo) -> None:
    class Refusing(Asking):
        def __call__(self, video: Video) -> NDArray[Any]:
            self.calls += 1
            raise ClipFailure("no face")

    asking = Refusing()
    for _ in range(2):
        with pytest.raises(ClipFailure, match="no face"):
            extractor(asking)(Watched(video))
    assert asking.calls == 1
    found = extractor(asking)
    entry = found._cache.get(digest([found._base, video.digest]))
    assert entry is not None and entry.reason == "no face"
