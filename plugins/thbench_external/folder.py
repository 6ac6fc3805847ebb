"""The generator `folder`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from thbench.api import ClipFailure, Context, Failure, Generated, Request
from thbench_external import FolderOptions
from thbench_external.adopt import Adopter
from thbench_external.find import find_video
from thbench_external.training import declared

__all__ = ["FolderGenerator"]


class FolderGenerator:
    """Delivers each clip's file as it is, or what the options allow to be made of it."""

    def __init__(self, options: FolderOptions, context: Context) -> None:
        self._options = options
        self._adopter = Adopter(options, context)
        self.trained_on = declared(options)

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        for request in requests:
            try:
                path = find_video(self._options.root, self._options.pattern, request.clip_id)
                yield self._adopter.deliver(path, request)
            except ClipFailure as failure:
                yield Failure(request.clip_id, failure.reason, again=True)
