"""The symptoms that a look can show, and the hints for them."""

import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from argocd_release.core.connectivity import Outage, Speaker, Trouble, is_outage
from argocd_release.model.condition import COMPARISON_ERROR, Condition
from argocd_release.model.problem import CauseCode

#: Begins every answer from the cache of errors (argo-cd v2.13.2 reposerver/repository/repository.go:67).
_CACHED_ERROR: Final = "Manifest generation error (cached)"
_RENDERER: Final = re.compile(
    r"`helm (?!pull|fetch|registry)|`kustomize |helm dependencies|jsonnet|plugin|Manifest generation error"
)
# Words of the steps before the repo-server renders: reaching it, git, a chart's registry; and of the cluster's state.
_BEFORE: Final = re.compile(
    r"code = Unavailable|failed to list refs|repository not found|authentication|authorization|unable to resolve '"
    r"|failed to (?:initialize|fetch|checkout)|`git |error (?:fetching|testing|resolving)"
    r"|failed to get (?:git|index|tags)"
    r"|`helm |live state|cluster|couldn't find remote ref|ssh: |knownhosts",
    re.IGNORECASE,
)


def is_render_error(condition: Condition) -> bool:
    """Return True if the repo-server got as far as rendering; an unknown message counts as one."""
    if condition.type != COMPARISON_ERROR:
        return False
    return _RENDERER.search(condition.message) is not None or _BEFORE.search(condition.message) is None


def is_cached(condition: Condition) -> bool:
    """Return True if the error comes from the cache, so that nothing was rendered."""
    return _CACHED_ERROR in condition.message


def can_heal(conditions: Iterable[Condition]) -> bool:
    """Return True if all errors are of something that rendering needs and that is away."""
    return all(is_outage(condition.message) for condition in conditions)


class Symptom(Enum):
    """A symptom that a look can show. The first whose grace period has elapsed decides."""

    DENIED = auto()
    DENIED_MIDWAY = auto()
    REFUSED = auto()
    UNREADABLE = auto()
    MISSING_AT_START = auto()
    DELETED = auto()
    UNREACHABLE_AT_START = auto()
    UNREACHABLE = auto()
    CANNOT_COMPARE = auto()
    CANNOT_HYDRATE = auto()
    HYDRATION_FAILED = auto()
    OPERATION_FAILED = auto()
    ATTEMPTS_FAILED = auto()
    HOOK_FAILED = auto()
    #: The attempts fail for a reason that heals without a change in git.
    ATTEMPTS_WAIT = auto()
    CONDITION = auto()
    SYNC_REFUSED = auto()
    OUT_OF_REACH = auto()
    STUCK = auto()
    OLD_SYNC = auto()
    PODS = auto()
    DEGRADED = auto()
    HEALTH_UNREADABLE = auto()
    EMPTY = auto()
    DELIVERED = auto()


_CHECK_ACCOUNT: Final = (
    "check <ARGOCD_AUTH_TOKEN> (expired, revoked, a protected variable on an unprotected branch?) "
    "and that its account may: applications, get and projects, get"
)
# What is seen of one revision, which may be a later one than the job's own.
ABOUT_REVISION: Final = frozenset({
    Symptom.OPERATION_FAILED, Symptom.ATTEMPTS_FAILED, Symptom.HOOK_FAILED, Symptom.ATTEMPTS_WAIT, Symptom.CONDITION,
    Symptom.PODS, Symptom.DEGRADED, Symptom.HEALTH_UNREADABLE,
})  # fmt: skip
SUPERSEDED: Final = "the later commit named above needs the fix; this one was synced, and is contained in it"
# Of what kind a symptom is that a look at the application itself does not tell better.
CODES: Final[Mapping[Symptom, CauseCode]] = MappingProxyType(
    {
        Symptom.DENIED: CauseCode.DENIED,
        Symptom.DENIED_MIDWAY: CauseCode.DENIED,
        Symptom.REFUSED: CauseCode.REFUSED,
        Symptom.UNREADABLE: CauseCode.UNREADABLE,
        Symptom.MISSING_AT_START: CauseCode.APPLICATION_MISSING,
        Symptom.DELETED: CauseCode.APPLICATION_DELETED,
        Symptom.UNREACHABLE_AT_START: CauseCode.UNREACHABLE,
        Symptom.UNREACHABLE: CauseCode.UNREACHABLE,
    }
)
HINTS: Final[Mapping[Symptom, str]] = MappingProxyType(
    {
        Symptom.DENIED: _CHECK_ACCOUNT,
        Symptom.DENIED_MIDWAY: _CHECK_ACCOUNT,
        Symptom.REFUSED: "Argo CD answers, but not with the application: fix what it says, such as a project that does "
        "not exist, or that does not allow the application's sources, destination or namespace",
        Symptom.UNREADABLE: "argocd ran, and printed something else: look at the argocd on the PATH, which must be the "
        "CLI itself or a wrapper that leaves its output as it is",
        Symptom.MISSING_AT_START: "check <ARGOCD_APP_NAME>, and that <ARGOCD_SERVER> is the right Argo CD",
        Symptom.DELETED: "find out who or what deleted it: Argo CD's audit log names the user",
        Symptom.UNREACHABLE_AT_START: "check <ARGOCD_SERVER>, the network between this runner and it, and "
        "<ARGOCD_OPTS> (--grpc-web behind an HTTP proxy or ingress, --plaintext, --server-crt); the job can simply be "
        "retried",
        Symptom.UNREACHABLE: "nothing is known of the release; the job can simply be retried",
        Symptom.CANNOT_COMPARE: "Argo CD answers, but does not reach its repo-server, git or the cluster, so the "
        "status of the release is unknown: retry the job",
        Symptom.CANNOT_HYDRATE: "Argo CD's source hydrator does not reach its commit-server, its repo-server or git: "
        "nothing is known of the release; the job can simply be retried, which asks Argo CD to hydrate again",
        Symptom.HYDRATION_FAILED: "fix what is said above and push again; where it lies in Argo CD (write access "
        "to the repository, the project's allowed sources), fix it there and retry the job, which asks it once more",
        Symptom.OPERATION_FAILED: "fix the manifests named above and push again; the cluster keeps what it had",
        Symptom.ATTEMPTS_FAILED: "fix the manifests named above and push again; Argo CD may go on retrying first",
        Symptom.HOOK_FAILED: "fix what the hook runs and push again; Argo CD may keep retrying meanwhile",
        Symptom.CONDITION: "fix what the condition says; until then Argo CD compares and applies nothing",
        Symptom.SYNC_REFUSED: "fix what Argo CD says, or sync by hand to see it in full",
        Symptom.OUT_OF_REACH: "a newer or another revision took its place, or it never reached the branch that Argo CD "
        "follows: look at that branch; <RELEASE_EXPECTATION_GRACE> says how long such a state may last",
        Symptom.STUCK: "Argo CD will not change this by itself: do by hand what is said above; <RELEASE_STUCK_GRACE> "
        "says how long such a state may last",
        Symptom.PODS: "look at the pod's log and events (argocd app logs, or Argo CD itself), fix, push again",
        Symptom.DEGRADED: "look at the pods and events of what is Degraded",
        Symptom.HEALTH_UNREADABLE: "see why Argo CD's health check cannot read the resource: its operator must run and "
        "write a status, or the health check in Argo CD (resource.customizations.health) must accept a missing field; "
        "<RELEASE_DEGRADED_GRACE> says how long such a state may last",
        Symptom.EMPTY: "check the application's source path; files without apiVersion, kind and metadata are skipped",
    }
)

# The part that Argo CD does not reach.
_UNREACHED: Final[Mapping[Speaker, str]] = MappingProxyType(
    {
        Speaker.ARGO_CD: "one of its own parts or git",
        Speaker.RENDERER: "a remote file that the manifests are rendered from",
        Speaker.GIT: "git",
        Speaker.REGISTRY: "the chart repository",
        Speaker.CLUSTER: "the cluster",
    }
)
_OUTAGE_HINTS: Final[Mapping[Trouble, str]] = MappingProxyType(
    {
        Trouble.UNREACHABLE: "Argo CD does not reach {it}, so the status of the release is unknown: retry the job",
        Trouble.OVERLOADED: "too many requests or too little memory keep Argo CD from reading {it}: retry the job "
        "later; if it happens often, let Argo CD sign in where requests are limited, or give its parts more memory",
        Trouble.CREDENTIAL: "the cluster does not accept Argo CD's credential: renew it in Argo CD (the cluster's "
        "Secret, or argocd cluster add), then retry the job",
        Trouble.CERTIFICATE: "Argo CD does not trust the certificate of {it}: renew the certificate, or give Argo CD "
        "its authority, then retry the job",
        Trouble.WEBHOOK: "a webhook of the cluster does not work, and Argo CD cannot read the cluster without it: see "
        "that the webhook's own pods run, then retry the job",
        Trouble.DISK_FULL: "a disk of Argo CD or of the cluster is full: free space there, then retry the job",
    }
)


_CACHED: Final = (
    "Argo CD answers from its cache of errors, for up to an hour after the first one: once the cause is gone, only a "
    "hard refresh (argocd app get APP --hard-refresh) or a new commit helps"
)


def condition_hint(condition: Condition, outage: Outage | None) -> str:
    """Return what to do about an error condition; "" if its symptom says that."""
    if is_cached(condition):
        return _CACHED
    return _OUTAGE_HINTS[outage.kind].format(it=_UNREACHED[outage.speaker]) if outage else ""
