"""The events of the job log about hooks: their logs, and their failed pods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from argocd_release.model.events import ApplicationEvent, JobEvent


@dataclass(frozen=True, kw_only=True)
class HookLogLines(JobEvent):
    """Lines that a container of a hook has printed.

    Attributes:
        application: the name of the application if the job watches a group, otherwise "".
        hook: the hook, such as ``PreSync hook Job/migrate``.
        pod: the name of the hook's pod.
        container: the name of the container.
        lines: the lines without control characters.
        left_out: the number of lines that the log omits after these lines.
        has_title: True if the job log must name the container above the lines.
    """

    NAME = "hook log"
    application: str = ""
    hook: str
    pod: str
    container: str
    lines: tuple[str, ...]
    left_out: int = 0
    has_title: bool = True

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the event's fields by name. Leave out ``has_title``, which only determines the layout of the text."""
        return {key: value for key, value in super().fields.items() if key != "has_title"}

    @property
    def source(self) -> tuple[str, str, str, str]:
        """Return the container that has printed the lines: its application, hook, pod and name."""
        return (self.application, self.hook, self.pod, self.container)


@dataclass(frozen=True, kw_only=True)
class HookLogsRefused(JobEvent):
    """Argo CD refuses to show the logs of hooks to the job. ``error`` is Argo CD's message."""

    NAME = "hook logs refused"
    error: str


@dataclass(frozen=True, kw_only=True)
class JobPodFailed(ApplicationEvent):
    """A pod of a running Job, which can be a hook, has failed. Kubernetes usually replaces it.

    Attributes:
        failure: the Job, its pod and the state of the pod.
    """

    NAME = "pod of job failed"
    failure: str
