"""Situations of an application, which tests and the benchmark play in the sandbox."""

from typing import Final

from scenarios import (
    app_of_apps,
    argocd_faults,
    chosen_resources,
    deliveries,
    environment_faults,
    evidence,
    expectations,
    failures,
    git_and_api_faults,
    groups,
    healing,
    hydrator,
    operations,
    owners,
    rendering,
    rollouts,
    stability,
    workloads,
)
from scenarios.dsl import SCENARIOS

# The scenarios that every run of the suite also plays on the newest Argo CD. At least one of them covers each way to
# look, to sync and to fail.
NEWEST: Final = frozenset({
    "already-delivered", "first-release", "commit-not-noticed", "configuration-only", "fix-after-failed-sync",
    "retry-succeeds", "hooks", "second-commit-during-rollout", "self-heal",
    "several-sources", "manual-sync", "sync-started",
    "out-of-sync-by-design", "appears-late", "crash-loop", "image-pull", "quota", "already-degraded",
    "rejected-manifest", "rejected-once", "broken-manifest", "auto-sync-refuses-to-prune-all",
    "missing-path", "pre-sync-hook",
    "post-sync-hook", "forbidden-destination", "empty", "missing", "deleted", "manual-sync-policy", "pending-prune",
    "sync-window", "stateful-set", "cron-job", "suspended", "helm-in-git", "kustomize", "other-namespace", "ingress",
    "claim-without-class", "forbidden", "no-projects", "revoked", "server-down", "project-absent",
    "revision-contained", "revision-tagged", "image", "drift-without-self-heal", "tag-failed-hook", "dry-run-only",
    "resources-excluded-crash-loop", "stable", "stable-restart", "stable-oom",
    "resources-of-a-group", "resources-unmatched",
    "git-away-for-a-moment", "git-server-restarted", "repo-server-restarted", "group-mixed", "group-nested",
    "group-stale", "group-expectation-for-unknown-name",
})  # fmt: skip

__all__ = [
    "NEWEST",
    "SCENARIOS",
    "app_of_apps",
    "argocd_faults",
    "chosen_resources",
    "deliveries",
    "environment_faults",
    "evidence",
    "expectations",
    "failures",
    "git_and_api_faults",
    "groups",
    "healing",
    "hydrator",
    "operations",
    "owners",
    "rendering",
    "rollouts",
    "stability",
    "workloads",
]
