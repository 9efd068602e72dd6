"""JSON reports that conform to the schema, as input for the report page."""

from typing import Any, Final

Json = dict[str, Any]
SHA: Final = "3f2c1ab0c0ffee00c0ffee00c0ffee00c0ffee00"


def span(
    kind: str, subject: str, began: float, ended: float | None, end: str, *, text: str = "", wave: int = 0
) -> Json:
    return {
        "kind": kind, "subject": subject, "namespace": "shop", "wave": wave, "began": began, "ended": ended, "end": end,
        "text": text,
    }  # fmt: skip


def application(
    name: str = "shop", outcome: str = "delivered", *, seconds: float = 42.3, text: str = "", **parts: Any
) -> Json:
    """Return one application of a report. ``text`` is inserted wherever a report can contain untrusted text."""
    failed = outcome != "delivered"
    cause = {
        "code": "crash-loop",
        "subject": "Deployment/api",
        "message": f"Deployment/api crashes {text}",
        "hint": f"mend it {text}",
        "link": "",
    }
    rows = 25 if text else 2
    pod = {
        "namespace": "shop", "name": f"api-x {text}", "ready": "0/1", "status": "CrashLoopBackOff", "health": "Degraded",
        "restarts": 4, "created_at": "", "images": [],
    }  # fmt: skip
    event = {
        "object": f"Pod/api-x {text}",
        "type": "Warning",
        "reason": f"BackOff {text}",
        "message": f"Back-off {text}",
        "count": 5,
        "last_at": "",
    }
    there: Json = {"group": "apps", "kind": "Deployment", "namespace": "shop"}
    resources = [
        there
        | {
            "name": f"api-{number} {text}",
            "hook": False,
            "sync": "Synced",
            "health": "Degraded" if failed else "Healthy",
            "message": f"not yet {text}",
        }
        for number in range(rows)
    ]
    changed = [
        there
        | {
            "name": f"api-{number} {text}",
            "hook": "",
            "action": "configured",
            "message": f"deployment.apps/api configured {text}",
        }
        for number in range(rows)
    ]
    spans = [
        span("sync", "sync", 0.8, 3.1, "Succeeded"),
        span("hook", "PreSync Job/migrate", 0.9, 2.4, "Succeeded"),
        *(
            span(
                "rollout",
                f"Deployment/api-{number} {text}",
                3.1,
                None if failed else 9.0 + number,
                "Degraded" if failed else "Healthy",
                text=f"waits {text}",
                wave=number % 3,
            )
            for number in range(rows)
        ),
    ]
    if failed:
        spans.append(span("trouble", "pods", 12.0, None, "", text=f"Pod/api-x: CrashLoopBackOff {text}"))
    return {
        "name": f"{name}{text}",
        "url": f"https://argocd.example.com/applications/{name}",
        "outcome": outcome,
        "exit_code": 11 if failed else 0,
        "reason": f"Degraded: Deployment/api {text}" if failed else "Synced and Healthy",
        "reason_adds": failed,
        "cause": cause if failed else None,
        "seconds": seconds,
        "proof": f"Proven: the expected version runs, image 8be41d7 {text}.",
        "expectation": {},
        "transitions": [{"what": "health", "value": "Progressing", "at": 3.1}],
        "phases": {"compared": 0.8, "synced": 3.1, "healthy": None if failed else 41.7, "judged": seconds - 0.2, "slowest": "Deployment/api", "slowest_seconds": 38.2},
        "spans": spans,
        "end_state": {"runs_now": f"web:1 {text}", "old_version": "still serves", "hooks": "none ran"} if failed else {},
        "changes": {
            "revisions_before": ["1" * 40],
            "images_before": [f"registry.example.com/shop/api:1 {text}"],
            "first": False,
            "commits": [f"https://gitlab.example.com/shop/config/-/commit/{SHA}"],
            "compare": [f"https://gitlab.example.com/shop/config/-/compare/{'1' * 40}...{SHA}"],
            "count": rows,
            "actions": {"configured": rows},
            "hooks": 0,
            "unchanged": 0,
            "resources": changed,
        },
        "counts": {
            "resources": rows, "deviating": rows if failed else 0, "sync": {"Synced": rows},
            "health": {"Degraded" if failed else "Healthy": rows}, "conditions": 1 if failed else 0, "images": 1,
            "spans": len(spans), "pods": rows if failed else 0,
        },
        "state": {
            "project": "default", "sync": "Synced", "health": "Degraded" if failed else "Healthy", "revisions": [SHA],
            "images": [f"registry.example.com/shop/api:2 {text}"],
            "conditions": [{"type": f"OrphanedResourceWarning {text}", "message": f"1 orphan {text}"}] if failed else [],
            "operation": None, "resources": resources,
        },
        "pods": [pod] * rows if failed else [],
        "events": [event] * rows if failed else [],
        "logs": [{"pod": f"api-x {text}", "container": "api", "previous": True, "lines": [f"connecting {text}"] * 29 + [f"fatal: no database {text}"]}] if failed else [],
        "notes": [f"cannot show the logs of pods: denied {text}"] if failed else [],
    } | parts  # fmt: skip


def report(*applications: Json, **parts: Any) -> Json:
    """Return a report with these applications. Its outcome is that of the first application."""
    first = applications[0] if applications else application(outcome="settings", seconds=0.1)
    whole = {
        "format": 2, "version": "0.1.0", "outcome": first["outcome"], "exit_code": first["exit_code"],
        "reason": first["reason"], "reason_adds": first["reason_adds"], "cause": first["cause"], "seconds": first["seconds"] + 1.2,
        "ended_at": "2026-11-25T22:00:00.000+00:00", "image_tag": "8be41d7c", "site_url": "", "told": [],
        "language": "en",
        "links": {
            "job": "https://gitlab.example.com/shop/web/-/jobs/7", "pipeline": "https://gitlab.example.com/shop/web/-/pipelines/5",
            "merge_request": "https://gitlab.example.com/shop/web/-/merge_requests/3",
            "commit": f"https://gitlab.example.com/shop/web/-/commit/{SHA}", "docs": "https://docs.example.com",
        },
        "applications": list(applications),
    }  # fmt: skip
    return whole | parts
