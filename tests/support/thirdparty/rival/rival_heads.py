"""Claims a name that acme-heads owns."""

from dataclasses import dataclass

from thbench.api import Failure, Plugin, hookimpl


@dataclass(frozen=True)
class Rival:
    trained_on = None

    def generate(self, requests):
        for request in requests:
            yield Failure(request.clip_id, "rivals do not work")


@hookimpl
def thbench_generators():
    return [Plugin("acme", Rival, lambda options, context: options)]
