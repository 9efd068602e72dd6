"""The declaration of scenarios, and the stage on which a scenario is played."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, Final

from argocd_release.messages import Message
from argocd_release.model.outcome import Outcome
from sandbox import manifests
from sandbox.application import Application, State, delivered
from sandbox.git import Repository
from sandbox.sandbox import Sandbox

IMAGE: Final = "registry.example.com/web"
#: The placeholder of a setting in a message. The job replaces it by the name that the user has set.
_SETTING: Final = re.compile(r"<[A-Z_]+[^>]*>")
Files = Mapping[str, str] | Mapping[str, str | None]
Play = Callable[["Stage"], Iterator[None]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A situation of an application, and the expected result of a job in it.

    Attributes:
        play: sets the situation up until its ``yield``, at which the job starts. The rest of it runs beside the job.
        cause: a text that the first line of the job's cause must contain.
        max_seconds: the limit for the whole run of the job.
        exclusive: True if the scenario disturbs other scenarios on the same sandbox.
        parts: the optional components of Argo CD that it needs.
        ru: its title in Russian, for the docs.
    """

    name: str
    title: str
    outcome: Outcome
    play: Play
    cause: str
    max_seconds: float
    exclusive: bool
    ru: str = ""
    parts: tuple[str, ...] = ()


def literal(message: Message | str, **fields: object) -> str:
    """Return the longest constant part of a message, with only the given fields filled in."""
    parts, part = [], ""
    for text, name, _, _ in Formatter().parse(message.text if isinstance(message, Message) else message):
        part += text
        if name in fields:
            part += str(fields[name])
        elif name is not None:
            parts.append(part)
            part = ""
    return max((piece.strip() for whole in (*parts, part) for piece in _SETTING.split(whole)), key=len)


SCENARIOS: Final[dict[str, Scenario]] = {}


def scenario(
    title: str,
    outcome: Outcome,
    *,
    ru: str,
    cause: str = "",
    max_seconds: float = 20,
    exclusive: bool = False,
    parts: tuple[str, ...] = (),
) -> Callable[[Play], Play]:
    """Return a decorator that declares a scenario, named after the decorated function.

    Args:
        title: the title in English.
        outcome: the expected outcome.
        ru: the title in Russian.
        cause: a text that the first line of the job's cause must contain.
        max_seconds: the limit for the duration of the job.
        exclusive: True if the scenario disturbs other scenarios in the same sandbox.
        parts: the optional components of Argo CD that it needs.
    """

    def declare(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        SCENARIOS[name] = Scenario(
            name=name,
            title=title,
            outcome=outcome,
            play=play,
            cause=cause,
            max_seconds=max_seconds,
            exclusive=exclusive,
            ru=ru,
            parts=parts,
        )
        return play

    return declare


@dataclass(kw_only=True)
class Stage:
    """One run of a scenario with its own application, namespace and repository, which share one name.

    Attributes:
        sandbox: the sandbox.
        name: the name of the application, namespace and repository.
        settings: additional variables of the job.
        application: the application, or None before it is created.
        delivered_when: returns True for a state in which the application is delivered. With it, the runner measures how
            long after the delivery the job ended.
        job_ended: an event that is set when the job has ended.
    """

    sandbox: Sandbox
    name: str
    settings: dict[str, str] = field(default_factory=dict)
    application: Application | None = None
    delivered_when: Callable[[State], bool] | None = None
    job_ended: threading.Event = field(default_factory=threading.Event)
    _repository: Repository | None = None

    @property
    def repository(self) -> Repository:
        if self._repository is None:
            self._repository = self.sandbox.repository(self.name)
        return self._repository

    def commit(self, *contents: Files) -> str:
        """Push files, and return the revision, which becomes the expected one."""
        revision = self.repository.commit({path: text for files in contents for path, text in files.items()})
        self.delivered_when = delivered(revision)
        return revision

    def deploy(self, *contents: Files, **options: Any) -> str:
        """Push files, create the application, and return the revision."""
        revision = self.commit(*contents)
        self.application = self.sandbox.application(self.name, self.repository, **options)
        return revision

    def deployed(self, *contents: Files, **options: Any) -> str:
        """Deploy the files, wait until the application is Synced and Healthy, and return the revision."""
        revision = self.deploy(*contents, **options)
        self.running.wait_for(delivered(revision), 60)
        return revision

    def deploy_again(self, *contents: Files) -> str:
        """Push files, and wait until the application is Synced to that revision and Healthy."""
        revision = self.commit(*contents)
        self.running.refresh()
        self.running.wait_for(delivered(revision), 60)
        return revision

    @property
    def running(self) -> Application:
        """Return the application. It must already be created."""
        if self.application is None:
            raise LookupError(f"{self.name} has no application yet")
        return self.application

    def until(self, predicate: Callable[[State], bool], seconds: float = 40) -> None:
        """Wait until the application's state satisfies the predicate."""
        self.running.wait_for(predicate, seconds)

    def allow_no_pods(self) -> None:
        """Create a quota that allows no pods in the namespace. Call this before the first deployment."""
        quota = json.loads(manifests.resource_quota("none", pods="0"))
        quota["metadata"]["namespace"] = self.name
        self.sandbox.apply(namespace(self.name), quota)

    def allow_only_owned_pods(self) -> None:
        """Create an admission policy that requires pods to have a label ``owner``. Call this before deploying."""
        kind = {"apiVersion": "admissionregistration.k8s.io/v1"}
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
        owned = {"expression": "has(object.metadata.labels) && 'owner' in object.metadata.labels", "message": "say who"}
        policy = {"matchConstraints": {"resourceRules": [rule]}, "validations": [owned]}
        here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.name}}}
        binding = {"policyName": self.name, "validationActions": ["Deny"], "matchResources": here}
        self.sandbox.apply(
            namespace(self.name),
            kind | {"kind": "ValidatingAdmissionPolicy", "metadata": {"name": self.name}, "spec": policy},
            kind | {"kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": self.name}, "spec": binding},
        )
        # The API server needs a moment to apply the policy.
        self.sleep(2)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def wait_for_end_of_job(self) -> None:
        """Keep a fault until the tool has ended, for at most 100 s.

        On a busy machine a tool can need seconds to start. A fault of a fixed length could be over before the tool has
        to fail, and it would then rightly succeed.
        """
        self.job_ended.wait(100)


def web(tag: str, name: str = "web", **options: Any) -> dict[str, str | None]:
    """Return a file with a Deployment; see ``manifests.deployment``."""
    return {f"{name}.yaml": manifests.deployment(name, f"{IMAGE}:{tag}", **options)}


def config(name: str, *, namespace: str = "", colour: str = "blue") -> dict[str, str | None]:
    """Return a file with a ConfigMap."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"colour": colour}}
    return {f"{name}-config.yaml": json.dumps(document)}


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def status(state: State, *path: str) -> Any:
    """Return the value at a path below ``status``, or None if there is none."""
    found: Any = state.get("status", {})
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found
