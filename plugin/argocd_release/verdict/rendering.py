"""Errors of rendering: the repo-server could not make the manifests. Pure.

A render that fails costs something. After three failures in a row the repo-server answers from its cache of errors for
an hour (argo-cd v2.13.2 reposerver/repository/repository.go getManifestCacheEntry; the same in v3.6.1).
"""

import re
from collections.abc import Iterable
from typing import Final

from argocd_release.core.connectivity import is_outage
from argocd_release.model.condition import COMPARISON_ERROR, Condition

#: Begins every answer from the cache of errors (argo-cd v2.13.2 reposerver/repository/repository.go:67).
_CACHED: Final = "Manifest generation error (cached)"
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
    return _CACHED in condition.message


def can_heal(conditions: Iterable[Condition]) -> bool:
    """Return True if all errors are of something that rendering needs and that is away."""
    return all(is_outage(condition.message) for condition in conditions)
