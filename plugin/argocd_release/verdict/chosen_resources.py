"""Choose the resources by which a release is judged (``RELEASE_RESOURCES``). All functions are pure.

The patterns are those of ``argocd app wait --resource`` (argo-cd v2.13.2 cmd/argocd/commands/app.go
parseSelectedResources, util/argo/argo.go IncludeResource; the same in v3.6.1). Argo CD only knows ``*`` as a whole
field. Here, it can also be a part of a field.

The rules:

* A resource is chosen if a pattern includes it, or if no pattern includes anything, and no pattern excludes it.
* Sync status and health are computed from the chosen resources, as Argo CD computes them from all.
* Hooks are steps of the sync and not resources, so they always count, unless a pattern with ``!`` excludes them.
* A sync must have ended, and must have succeeded. It is enough that only excluded resources failed in it, if a later
  comparison shows that all chosen resources are Synced.
* Every error of the comparison counts, because without a comparison nothing is known about the chosen resources either.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final, Self

from argocd_release.core.text import one_line
from argocd_release.model.application import (
    Application,
    HealthStatus,
    Operation,
    OperationPhase,
    Resource,
    ResourceResult,
    SyncStatus,
)
from argocd_release.model.exclusion import ExcludedResource, Exclusion
from argocd_release.model.observation import APPLICATION
from argocd_release.model.problem import Condition, ResourceRef

# The characters of the names of Kubernetes, and the asterisk. Brackets and question marks have a meaning in fnmatch.
_FIELD: Final = r"[A-Za-z0-9._*@=+~^-]"
_PATTERN: Final = re.compile(
    rf"^(?P<exclude>!?)(?P<group>{_FIELD}{{0,253}}+):(?P<kind>{_FIELD}{{1,253}}+):"
    rf"(?:(?P<namespace>{_FIELD}{{0,253}}+)/)?(?P<name>{_FIELD}{{1,253}}+)"
)
# The health statuses from the best to the worst (healthOrder in gitops-engine pkg/health/health.go).
_BEST_FIRST: Final = (
    HealthStatus.HEALTHY,
    HealthStatus.SUSPENDED,
    HealthStatus.PROGRESSING,
    HealthStatus.MISSING,
    HealthStatus.DEGRADED,
    HealthStatus.UNKNOWN,
)
# The message of setApplicationHealth in argo-cd v2.13.2 controller/health.go about the only resource whose health it
# could not read. If there are several, the message begins with their number.
_UNREADABLE: Final = re.compile(
    r'^error setting app health: failed to get resource health for "(?P<kind>[^"]{1,253}+)" '
    r'with name "(?P<name>[^"]{1,253}+)" in namespace "(?P<namespace>[^"]{0,253}+)"'
)
#: The maximum number of messages of excluded resources that are kept.
FAILURES: Final = 3


@dataclass(frozen=True, kw_only=True)
class ResourcePattern:
    """A pattern of resources: ``GROUP:KIND:NAME``, ``GROUP:KIND:NAMESPACE/NAME``, or one of them after ``!``.

    Attributes:
        text: the pattern as the user wrote it.
        excludes: True if the pattern begins with ``!``.
        group: the API group; "" for the core group.
        namespace: "" for every namespace, as in Argo CD.
    """

    text: str
    excludes: bool
    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the pattern that the text describes, or None if it is malformed."""
        fields = _PATTERN.fullmatch(text)
        if fields is None:
            return None
        return cls(
            text=text,
            excludes=bool(fields["exclude"]),
            group=fields["group"],
            kind=fields["kind"],
            namespace=fields["namespace"] or "",
            name=fields["name"],
        )

    def matches(self, ref: ResourceRef) -> bool:
        """Return True if the pattern matches the resource. Upper and lower case differ, as in Argo CD."""
        return (
            _is_like(ref.name, self.name)
            and _is_like(ref.kind, self.kind)
            and _is_like(ref.group, self.group)
            and (not self.namespace or _is_like(ref.namespace, self.namespace))
        )


def _is_like(text: str, pattern: str) -> bool:
    return text == pattern or ("*" in pattern and fnmatchcase(text, pattern))


# The patterns of resources in the form of kubectl: ``deployment/web`` or ``deployment.apps/web``.
_KUBECTL: Final = re.compile(
    r"^(?P<exclude>!?)(?P<kind>[A-Za-z]{1,60}+)(?P<group>\.[a-z0-9.-]{1,100}+)?/(?P<name>[a-z0-9.*-]{1,253}+)"
)
_EXAMPLE: Final = "apps:Deployment:web"


def meant_pattern(text: str) -> str:
    """Return the pattern that the user probably meant by a malformed one, or an example if it cannot be guessed."""
    given = _KUBECTL.fullmatch(text)
    if given is None:
        return _EXAMPLE
    kind = given["kind"] if given["kind"] != given["kind"].lower() else given["kind"].capitalize()
    group = given["group"].removeprefix(".") if given["group"] else "*"
    return f"{given['exclude']}{group}:{kind}:{given['name']}"


@dataclass(frozen=True, kw_only=True)
class ChosenResources:
    """The patterns that choose the resources of an application.

    Attributes:
        patterns: all patterns, in the order of the setting.
        each_must_match: True if each including pattern must match a resource of the application. In a group, it is
            enough if a pattern matches a resource of one of the applications.
    """

    patterns: tuple[ResourcePattern, ...]
    each_must_match: bool = True

    @classmethod
    def of(cls, texts: Iterable[str], *, each_must_match: bool = True) -> Self:
        """Return the choice that the patterns describe. The patterns must be well-formed."""
        parsed = (ResourcePattern.parse(text) for text in texts)
        return cls(patterns=tuple(pattern for pattern in parsed if pattern), each_must_match=each_must_match)

    @property
    def including(self) -> tuple[ResourcePattern, ...]:
        """Return the patterns that do not begin with ``!``."""
        return tuple(pattern for pattern in self.patterns if not pattern.excludes)

    def chooses(self, ref: ResourceRef) -> bool:
        """Return True if the resource counts. If one pattern includes it and another excludes it, it does not."""
        including = self.including
        included = not including or any(pattern.matches(ref) for pattern in including)
        return included and not self._is_excluded(ref)

    def view(self, application: Application) -> Application:
        """Return the application as if it had only the chosen resources."""
        items = application.resources
        chosen = tuple(item for item in items if self._counts(item.ref, hook=item.hook))
        refs = {item.ref for item in chosen}
        excluded = tuple(item for item in items if item.ref not in refs)
        sync = _sync(application.sync, chosen, excluded)
        operation = self._operation(application, sync)
        unmatched = _unmatched(self.including, items)
        own = [item for item in chosen if not item.hook]
        health = _health(application.health, own, excluded)
        return replace(
            application,
            resources=chosen,
            sync=sync,
            health=health,
            health_message=application.health_message if health is application.health else "",
            conditions=_conditions(application.conditions, excluded),
            operation=operation,
            # While Argo CD waits to retry the operation, it is also still requested.
            requested=application.requested and not (operation and operation.excused and _is_retried(operation)),
            exclusion=Exclusion(
                resources=tuple(ExcludedResource(item.ref, item.sync, item.health or "") for item in excluded),
                count=len(excluded),
                chosen=len(own),
                sync=application.sync,
                health=application.health,
                unmatched=unmatched,
                is_complete=bool(own or (not items and not unmatched)) and not (self.each_must_match and unmatched),
                failures=operation.excluded_failures if operation else (),
            ),
        )

    def _is_excluded(self, ref: ResourceRef) -> bool:
        return any(pattern.excludes and pattern.matches(ref) for pattern in self.patterns)

    def _counts(self, ref: ResourceRef, *, hook: bool) -> bool:
        return not self._is_excluded(ref) if hook else self.chooses(ref)

    def _operation(self, application: Application, sync: SyncStatus) -> Operation | None:
        """Return the operation without the failures that do not count.

        The failures of excluded resources count as long as a chosen resource is not Synced: they can be the reason.
        """
        operation = application.operation
        if operation is None or operation.dry_run or operation.terminated or sync is not SyncStatus.SYNCED:
            return operation
        failed = [item for item in operation.results if item.failed]
        if not failed or any(self._counts(item.ref, hook=bool(item.hook_type)) for item in failed):
            return operation
        return replace(
            operation,
            results=tuple(item for item in operation.results if not item.failed),
            excluded_failures=_described(failed),
            # An attempt has ended if ``finished_at`` is set, even if Argo CD will retry. Only a comparison after its
            # end shows the state that it has left.
            excused=bool(operation.finished_at) and not application.outdated,
        )


def _is_retried(operation: Operation) -> bool:
    return operation.phase is OperationPhase.RUNNING


def _described(failed: Sequence[ResourceResult]) -> tuple[str, ...]:
    return tuple(f"{item}: {one_line(item.message, limit=300)}" for item in failed[:FAILURES])


def _unmatched(patterns: Sequence[ResourcePattern], resources: Sequence[Resource]) -> tuple[str, ...]:
    refs = [item.ref for item in resources if not item.hook]
    return tuple(pattern.text for pattern in patterns if not any(pattern.matches(ref) for ref in refs))


def _sync(whole: SyncStatus, chosen: Sequence[Resource], excluded: Sequence[Resource]) -> SyncStatus:
    """Return the sync status of the chosen resources.

    An application is OutOfSync because of any OutOfSync resource that is no hook (argo-cd v2.13.2 controller/state.go
    CompareAppState). If no resource is the reason, such as for changed metadata of its namespace, the status of the
    whole application counts.
    """
    if whole is not SyncStatus.OUT_OF_SYNC:
        return whole
    if any(item.sync is SyncStatus.OUT_OF_SYNC for item in chosen if not item.hook):
        return whole
    explained = any(item.sync is SyncStatus.OUT_OF_SYNC for item in excluded if not item.hook)
    return SyncStatus.SYNCED if explained else whole


def _health(whole: HealthStatus, chosen: Sequence[Resource], excluded: Sequence[Resource]) -> HealthStatus:
    """Return the health of the chosen resources.

    The worst of them decides. A Missing or Unknown child application does not count (argo-cd v2.13.2
    controller/health.go). Since Argo CD 3.4, missing resources count only if all are missing, so the result is never
    worse than the health of the whole application otherwise.

    If the health of no resource is the reason for the health of the whole application, that health counts. Otherwise,
    a list of Argo CD 3, which does not contain the health of resources, would look Healthy.
    """
    healths = [item.health for item in chosen if item.health is not None and not _is_lost_child(item)]
    if healths and set(healths) == {HealthStatus.MISSING} and len(healths) == len(chosen):
        return HealthStatus.MISSING
    worst = max(healths, key=_BEST_FIRST.index, default=HealthStatus.HEALTHY)
    if _BEST_FIRST.index(worst) >= _BEST_FIRST.index(whole):
        return whole
    explained = any(item.health is whole for item in excluded if not item.hook)
    return worst if explained else whole


def _is_lost_child(item: Resource) -> bool:
    is_child = (item.group, item.kind) == ("argoproj.io", APPLICATION)
    return is_child and item.health in {HealthStatus.MISSING, HealthStatus.UNKNOWN}


def _conditions(conditions: tuple[Condition, ...], excluded: Sequence[Resource]) -> tuple[Condition, ...]:
    """Return the conditions without those that only report that the health of an excluded resource is unreadable."""
    refs = {(item.kind, item.namespace, item.name) for item in excluded}

    def matters(condition: Condition) -> bool:
        named = _UNREADABLE.search(condition.message) if condition.about_health else None
        return named is None or (named["kind"], named["namespace"], named["name"]) not in refs

    return tuple(filter(matters, conditions))
