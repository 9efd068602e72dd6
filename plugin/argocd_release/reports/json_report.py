"""The JSON report: everything a dashboard would want, by ``report.schema.json``."""

import json
from dataclasses import asdict
from importlib import resources
from typing import Any, Final

from argocd_release.model.application import Application
from argocd_release.model.result import Result

SCHEMA: Final[dict[str, Any]] = json.loads(
    resources.files(__package__).joinpath("report.schema.json").read_text("utf-8")
)


FORMAT: Final = 1


def render(result: Result) -> str:
    """The report as one JSON object, in characters that can be written: half a pair of surrogates is none."""
    text = json.dumps(document(result), indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def document(result: Result) -> dict[str, Any]:
    """The report as the schema has it."""
    outcome, diagnosis = result.outcome, result.diagnosis
    return {
        "format": FORMAT,
        "version": result.version,
        "outcome": outcome.word,
        "exit_code": outcome.exit_code,
        "reason": result.verdict.reason,
        "cause": result.cause,
        "next": result.hint,
        "ended_at": result.ended_at.isoformat(timespec="milliseconds"),
        "seconds": round(result.seconds, 3),
        "name": result.name,
        "url": result.url,
        "image_tag": result.image_tag,
        "expectation": {key: _plain(value) for key, value in result.expectation.items()},
        "transitions": [asdict(item) for item in result.transitions],
        "application": _application(result.application),
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
        "events": [{"object": item.subject} | asdict(item.event) for item in diagnosis.occurrences],
        "logs": [asdict(log) | {"lines": list(log.lines)} for log in diagnosis.logs],
        "notes": list(diagnosis.notes),
    }


def _application(application: Application | None) -> dict[str, Any] | None:
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
                "sync": item.sync.value,
                "health": item.health.value if item.health else "",
                "message": item.message,
            }
            for item in application.resources
        ],
    }


def _plain(value: object) -> Any:
    match value:
        case bool() | int() | float() | str() | None:
            return value
        case set() | frozenset() | tuple() | list():
            return sorted(map(str, value))
        case _:
            return str(value)
