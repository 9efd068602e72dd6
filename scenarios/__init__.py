"""Situations an application can be in, played on the sandbox: declared once for tests and benchmark."""

from typing import Final

from scenarios import (
    deliveries,
    evidence,
    expectations,
    failures,
    faults,
    healing,
    hydrator,
    kinds,
    looking,
    operations,
    owners,
    rendering,
    rollouts,
    sets,
    surroundings,
)
from scenarios.stage import SCENARIOS

# What every run of the suite plays on the newest Argo CD too: of each way to look, to sync and to fail at least one.
NEWEST: Final = frozenset({
    "already-delivered", "first-release", "commit-not-noticed", "configuration-only", "fix-after-failed-sync",
    "retry-succeeds", "hooks", "overtaken", "self-heal", "several-sources", "manual-sync", "sync-started",
    "out-of-sync-by-design", "appears-late", "crash-loop", "image-pull", "quota", "already-degraded",
    "rejected-manifest", "rejected-once", "broken-manifest", "everything-gone", "missing-path", "pre-sync-hook",
    "post-sync-hook", "forbidden-destination", "empty", "missing", "deleted", "nobody-syncs", "pending-prune",
    "sync-window", "stateful-set", "cron-job", "suspended", "helm-in-git", "kustomize", "other-namespace", "ingress",
    "claim-without-class", "forbidden", "no-projects", "revoked", "server-down", "project-absent",
    "revision-contained", "revision-tagged", "image", "edited-by-hand", "tag-failed-hook", "dry-run-only",
    "git-away-for-a-moment", "git-server-restarted", "repo-server-restarted", "set-mixed", "set-nested",
    "set-stale", "set-expectation-of-nobody",
})  # fmt: skip

__all__ = [
    "NEWEST",
    "SCENARIOS",
    "deliveries",
    "evidence",
    "expectations",
    "failures",
    "faults",
    "healing",
    "hydrator",
    "kinds",
    "looking",
    "operations",
    "owners",
    "rendering",
    "rollouts",
    "sets",
    "surroundings",
]
