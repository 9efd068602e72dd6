"""Choose the resources by which a release is judged (``RELEASE_RESOURCES``). All functions are pure.

The patterns are those of ``argocd app wait --resource`` (argo-cd v2.13.2 cmd/argocd/commands/app.go
parseSelectedResources, util/argo/argo.go IncludeResource; the same in v3.6.1). In Argo CD, ``*`` can only be a whole
field. Here, it can also be a part of a field.

The rules:

* A resource is chosen if no pattern excludes it, and if a pattern includes it or all patterns begin with ``!``.
* Sync status and health are computed from the chosen resources, as Argo CD computes them from all.
* Hooks are steps of the sync and not resources, so they always count, unless a pattern with ``!`` excludes them.
* A sync must have ended, and must have succeeded. A failed sync counts as successful if only excluded resources failed
  in it, and a later comparison shows that all chosen resources are Synced.
* A sync that failed in the dry run counts as failed, because Argo CD then applies no resource and runs no hook.
* Every error of the comparison counts, because without a comparison nothing is known about the chosen resources either.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
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

# The characters of Kubernetes names, and the asterisk. Brackets and question marks are not allowed, because they have a
# special meaning in fnmatch.
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
# The messages of a sync that failed before Argo CD applied a resource or ran a hook (Sync in gitops-engine
# pkg/sync/sync_context.go). If Argo CD retries the sync, it appends the time of the next attempt.
_NOTHING_APPLIED: Final = re.compile(
    r"^one or more (?:objects failed to apply \(dry run\)|synchronization tasks are not valid)"
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
        """Return True if the pattern matches the resource. The comparison is case-sensitive, as in Argo CD."""
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
        """Return the choice that the patterns describe. Malformed patterns are ignored."""
        parsed = (ResourcePattern.parse(text) for text in texts)
        return cls(patterns=tuple(pattern for pattern in parsed if pattern), each_must_match=each_must_match)

    @cached_property
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
        refs = frozenset(item.ref for item in chosen)
        excluded = tuple(item for item in items if item.ref not in refs)
        sync = _sync(application.sync, chosen, excluded)
        operation = self._operation(application, sync)
        in_git = [item.ref for item in items if not (item.hook or item.requires_pruning)]
        unmatched = _unmatched(self.including, in_git)
        own = refs.intersection(in_git)
        # An application of a group can be without resources, and then no pattern has to match. RELEASE_ALLOW_EMPTY
        # decides whether that is a problem.
        is_empty = all(item.requires_pruning for item in items)
        health = _health(application.health, [item for item in chosen if not item.hook], excluded)
        return replace(
            application,
            resources=chosen,
            sync=sync,
            health=health,
            health_message=application.health_message if health is application.health else "",
            conditions=_conditions(application.conditions, excluded),
            operation=operation,
            # While Argo CD waits to retry an excused operation, the application still contains the request for it.
            # Ignore that request.
            requested=application.requested and not (operation and operation.excused and operation.retried),
            exclusion=Exclusion(
                resources=tuple(map(_as_excluded, excluded)),
                count=len(excluded),
                chosen=own,
                sync=application.sync,
                health=application.health,
                unmatched=unmatched,
                is_complete=bool(own or is_empty or not (in_git or unmatched))
                and not (self.each_must_match and unmatched),
                failures=operation.excluded_failures if operation else (),
            ),
        )

    def _is_excluded(self, ref: ResourceRef) -> bool:
        return any(pattern.excludes and pattern.matches(ref) for pattern in self.patterns)

    def _counts(self, ref: ResourceRef, *, hook: bool) -> bool:
        return not self._is_excluded(ref) if hook else self.chooses(ref)

    def _operation(self, application: Application, sync: SyncStatus) -> Operation | None:
        """Return the operation without the failures that do not count.

        The failures of excluded resources count if a chosen resource is not Synced, because they can be the reason.
        They also count if the sync did not apply anything, or is not a sync of the compared revision.
        """
        operation = application.operation
        if operation is None or sync is not SyncStatus.SYNCED:
            return operation
        if not application.operation_counts or _has_other_error(operation):
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


def _has_other_error(operation: Operation) -> bool:
    """Return True if the operation failed as a whole, so that its failed resources do not explain its end."""
    ended = operation.phase in {OperationPhase.ERROR, OperationPhase.TERMINATING} or operation.terminated
    return ended or _NOTHING_APPLIED.search(operation.message) is not None


def _described(failed: Sequence[ResourceResult]) -> tuple[str, ...]:
    return tuple(f"{item}: {one_line(item.message, limit=300)}" for item in failed[:FAILURES])


def _as_excluded(item: Resource) -> ExcludedResource:
    sync = item.sync if item.compared else ""
    return ExcludedResource(item.ref, sync, item.health or "", item.requires_pruning)


def _unmatched(patterns: Sequence[ResourcePattern], refs: Sequence[ResourceRef]) -> tuple[str, ...]:
    return tuple(pattern.text for pattern in patterns if not any(pattern.matches(ref) for ref in refs))


def _sync(whole: SyncStatus, chosen: Sequence[Resource], excluded: Sequence[Resource]) -> SyncStatus:
    """Return the sync status of the chosen resources.

    An application is OutOfSync because of any OutOfSync resource that is no hook (argo-cd v2.13.2 controller/state.go
    CompareAppState). If no resource is the reason, for example because only the metadata of the namespace has changed,
    return the status of the whole application.

    If the project does not permit the kind of a resource, the resource has the status Unknown instead of OutOfSync.
    """
    if whole is not SyncStatus.OUT_OF_SYNC:
        return whole
    if any(item.compared and item.sync is not SyncStatus.SYNCED for item in chosen if not item.hook):
        return whole
    explained = any(item.sync is SyncStatus.OUT_OF_SYNC for item in excluded if not item.hook)
    return SyncStatus.SYNCED if explained else whole


def _health(whole: HealthStatus, chosen: Sequence[Resource], excluded: Sequence[Resource]) -> HealthStatus:
    """Return the health of the chosen resources.

    The worst health of a resource decides. A child application that is Missing or Unknown does not count (argo-cd
    v2.13.2 controller/health.go). Since Argo CD 3.4, missing resources count only if all resources are missing. So the
    result is only worse than the health of the whole application if all chosen resources are Missing.

    If no excluded resource explains the health of the whole application, return that health. Otherwise, an application
    in a list of Argo CD 3 would look Healthy, because such a list does not contain the health of resources.
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
