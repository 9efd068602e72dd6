"""The loop over one tracker: step, wait for news or the next look, until there is a verdict."""

from typing import Protocol

from argocd_release.model.ports import Clock
from argocd_release.model.verdict import Verdict
from argocd_release.watch.tracker import Step


class Steps(Protocol):
    """What can be looped over."""

    def step(self) -> Step: ...
    def close(self) -> None: ...


def run(tracker: Steps, clock: Clock) -> Verdict:
    """Step until there is a verdict; the tracker's own deadline sees to it that there is one."""
    try:
        while (step := tracker.step()).verdict is None:
            clock.sleep(max(step.not_before - clock.now(), 0.0))
            clock.pause(max(step.look_again_at - clock.now(), 0.0))
        return step.verdict
    finally:
        tracker.close()
