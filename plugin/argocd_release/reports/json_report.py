"""Write the JSON report, which contains all data that a dashboard can show.

Its schema is ``report.schema.json``.
"""

import json
from collections import Counter
from dataclasses import asdict
from importlib import resources
from typing import Any, Final

from argocd_release.core.text import one_line
from argocd_release.messages import reports as texts
from argocd_release.model.application import Application
from argocd_release.model.git import SHA, WEB, commit_address, web_address
from argocd_release.model.problem import Problem
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.timeline import ReleaseTimeline
from argocd_release.reports.summary import proof
from argocd_release.reports.summary import state as release_state

SCHEMA: Final[dict[str, Any]] = json.loads(
    resources.files(__package__).joinpath("report.schema.json").read_text("utf-8")
)
#: The version of the report's format, which increases with each incompatible change of the schema.
FORMAT: Final = 2
#: The maximum number of changed resources that the report lists for an application.
CHANGES: Final = 500
#: The maximum number of applications in an indented report. A report with more applications is a single line of JSON.
INDENTED: Final = 50

#: The lines of the state in which a release ended, and their fields in the report.
_END_STATE: Final = {
    texts.RUNS_NOW: "runs_now",
    texts.OLD_VERSION: "old_version",
    texts.HOOKS: "hooks",
    texts.ARGO_CD_NOW: "argo_cd_now",
    texts.ENDED_EARLY: "ended_early",
}


def render(result: ReleaseResult) -> str:
    """Return the report as JSON text. Characters that UTF-8 cannot encode (lone surrogates) are replaced."""
    # Python writes indented JSON ten times slower than JSON on one line.
    indent = 2 if len(result.applications) <= INDENTED else None
    text = json.dumps(document(result), indent=indent, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def document(result: ReleaseResult) -> dict[str, Any]:
    """Return the report as an object that conforms to the schema."""
    return {
        "format": FORMAT,
        "version": result.version,
        **_judged(result),
        "ended_at": result.ended_at.isoformat(timespec="milliseconds"),
        "image_tag": result.image_tag,
        "site_url": result.site_url,
        "language": result.language,
        "links": dict(result.links),
        "told": [asdict(notice) for notice in result.notices],
        "applications": [_application(application, result.project_url) for application in result.applications],
    }


def _judged(result: ReleaseResult | ApplicationResult) -> dict[str, Any]:
    """Return the fields of the verdict, which are the same for a whole release and for one application."""
    return {
        "outcome": result.outcome.word,
        "exit_code": result.outcome.exit_code,
        "reason": result.verdict.reason,
        "reason_adds": result.reason_adds,
        "cause": _cause(result.cause),
        "seconds": round(result.seconds, 3),
    }


def _cause(cause: Problem | None) -> dict[str, str] | None:
    if cause is None:
        return None
    subject = str(cause.subject) if cause.subject else ""
    return {
        "code": cause.code.word,
        "subject": subject,
        "message": cause.message,
        "hint": cause.hint,
        "link": cause.link,
    }


def _application(result: ApplicationResult, project_url: str) -> dict[str, Any]:
    diagnosis, state = result.diagnosis, release_state(result)
    return {
        "name": result.name,
        "url": result.url,
        **_judged(result),
        "proof": proof(result),
        "expectation": {key: _plain(value) for key, value in result.expectation.items()},
        "transitions": [asdict(item) for item in result.transitions],
        "phases": _phases(result.rollout),
        "spans": [asdict(span) | {"kind": span.kind.value} for span in result.rollout.spans],
        "end_state": {key: text for label, key in _END_STATE.items() if (text := state.get(label))},
        "changes": _changes(result, project_url),
        "counts": _counts(result),
        "state": _state(result.application),
        **_excluded(result.application),
        "pods": [
            {
                "namespace": pod.namespace,
                "name": pod.name,
                "ready": pod.containers,
                "status": pod.reason,
                "health": pod.health,
                "restarts": pod.restarts,
                "created_at": pod.created_at,
                "images": list(pod.images),
            }
            for pod in diagnosis.pods
        ],
        "events": [{"object": item.subject} | asdict(item.event) for item in diagnosis.events],
        "logs": [asdict(log) | {"lines": list(log.lines)} for log in diagnosis.logs],
        "hook_logs": [asdict(log) | {"lines": list(log.lines)} for log in result.hook_logs],
        "notes": list(diagnosis.notes),
    }


def _phases(rollout: ReleaseTimeline) -> dict[str, Any]:
    slowest = rollout.slowest
    return asdict(rollout.phases) | {
        "slowest": slowest.subject if slowest else "",
        "slowest_seconds": round(slowest.seconds, 3) if slowest else None,
    }


def _changes(result: ApplicationResult, project_url: str) -> dict[str, Any]:
    application, before = result.application, result.rollout.before
    compare, commits = [], []
    for revision, source in zip(application.commits, application.sources, strict=False) if application else ():
        commits.append(commit_address(source.repo_url, revision, project_url))
    if application is not None and before.revisions != application.revisions:
        pairs = zip(before.revisions, application.revisions, application.sources, strict=False)
        for old, new, source in pairs:
            address = web_address(source.repo_url, project_url)
            if old != new and WEB.fullmatch(address) and SHA.fullmatch(old) and SHA.fullmatch(new):
                compare.append(f"{address}/-/compare/{old}...{new}")
    changed = [item for item in application.results if item.changed] if application else []
    return {
        "revisions_before": list(before.revisions),
        "images_before": list(before.images),
        "first": before.first,
        "compare": compare,
        "commits": commits,
        "count": result.change_counts.total(),
        "actions": {
            one_line(change.word, limit=40): count for change, count in result.change_counts.items() if not change.hook
        },
        "hooks": sum(count for change, count in result.change_counts.items() if change.hook),
        "unchanged": result.unchanged_count,
        "resources": [
            {
                "group": item.group,
                "kind": item.kind,
                "namespace": item.namespace,
                "name": item.name,
                "hook": item.hook_type,
                "action": one_line(item.action or item.hook_phase or item.status, limit=40),
                "message": item.message,
            }
            for item in changed[:CHANGES]
        ],
    }


def _counts(result: ApplicationResult) -> dict[str, Any]:
    """Return the total number of items of each kind. The report of a large release lists only some of the items."""
    application, unlisted, states = result.application, result.unlisted, result.resource_counts
    sync, health = Counter[str](), Counter[str]()
    for state, count in states.items():
        sync[state.sync.value] += count
        health[state.health.value if state.health else ""] += count
    return {
        "resources": states.total(),
        "deviating": sum(count for state, count in states.items() if state.deviates),
        "sync": dict(sync),
        "health": dict(health),
        "conditions": unlisted.conditions + (len(application.conditions) if application else 0),
        "images": unlisted.images + (len(application.images) if application else 0),
        "spans": unlisted.spans + len(result.rollout.spans),
        "pods": unlisted.pods + len(result.diagnosis.pods),
    }


def _state(application: Application | None) -> dict[str, Any] | None:
    if application is None:
        return None
    operation = application.operation
    return {
        "project": application.project,
        "sync": application.sync.value,
        "health": application.health.value,
        "revisions": list(application.revisions),
        "images": list(application.images),
        "conditions": [asdict(item) for item in application.conditions],
        "operation": operation
        and {
            "phase": operation.phase.value,
            "message": operation.message,
            "revisions": list(operation.revisions),
            "started_at": operation.started_at,
            "finished_at": operation.finished_at,
            "retries": operation.retries,
        },
        "resources": [
            {
                "group": item.group,
                "kind": item.kind,
                "namespace": item.namespace,
                "name": item.name,
                "hook": item.hook,
                "sync": item.sync.value,
                "health": item.health.value if item.health else "",
                "message": item.message,
            }
            for item in application.resources
        ],
    }


def _excluded(application: Application | None) -> dict[str, Any]:
    """Return the field about the resources that RELEASE_RESOURCES excludes. Return nothing if all resources count."""
    exclusion = application.exclusion if application else None
    if exclusion is None:
        return {}
    resources = [
        item.ref._asdict() | {"sync": str(item.sync), "health": str(item.health)} for item in exclusion.resources
    ]
    excluded = {
        "count": exclusion.count,
        "sync": str(exclusion.sync),
        "health": str(exclusion.health),
        "failures": list(exclusion.failures),
        "resources": resources,
    }
    return {"excluded": excluded}


def _plain(value: object) -> Any:
    match value:
        case bool() | int() | float() | str() | None:
            return value
        case set() | frozenset() | tuple() | list():
            return sorted(map(str, value))
        case _:
            return str(value)
