"""Parse Argo CD's answer about the sync windows of an application."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from argocd_release.core.schedule import Window, next_sync
from argocd_release.core.text import as_objects, as_text, one_line
from argocd_release.model.observation import SyncWindow

#: If more windows apply to an application, the job does not compute the time of the next sync.
WINDOWS: Final = 50


def blocks(answer: Mapping[str, Any]) -> bool:
    """Return True if the windows block automated syncs now.

    The rule is that of ``SyncWindows.CanSync`` in argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go. The field
    ``canSync`` of the response is about syncs that a user requests.
    """
    denying, allowing = _blocking(answer)
    return bool(denying or allowing)


def sync_window_of(answer: Mapping[str, Any], project: Mapping[str, Any], now: datetime) -> SyncWindow:
    """Describe the windows that block the sync.

    Args:
        answer: the response about the windows of the application, which contains no time zones.
        project: the spec of the project, which contains the time zones of all its windows; empty if it is unknown.
        now: the current time, with a time zone.
    """
    denying, allowing = _blocking(answer)
    text = ", ".join(
        one_line(f'{item.get("kind")} "{item.get("schedule")}" for {item.get("duration")}')
        for item in denying or allowing
    )
    window = SyncWindow(windows=text, allows_users=answer.get("canSync") is True)
    zones = _zones(project)
    assigned = as_objects(answer.get("assignedWindows"))
    if not assigned or len(assigned) > WINDOWS or any(len(zones.get(_key(item), ())) != 1 for item in assigned):
        return window
    try:
        at = next_sync([_window(item, next(iter(zones[_key(item)]))) for item in assigned], now)
    except ValueError:
        return window
    opens = f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
    return replace(window, opens=opens, stays_closed=at is None)


def _blocking(answer: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the active deny windows, and all allow windows if none of them is active."""
    active, assigned = as_objects(answer.get("activeWindows")), as_objects(answer.get("assignedWindows"))
    denying = [window for window in active if window.get("kind") == "deny"]
    allowing = [window for window in assigned if window.get("kind") == "allow"]
    is_allowed = any(window.get("kind") == "allow" for window in active)
    return denying, [] if is_allowed else allowing


def _window(window: Mapping[str, Any], zone: str) -> Window:
    return Window(
        denies=window.get("kind") == "deny",
        schedule=as_text(window.get("schedule")),
        duration=as_text(window.get("duration")),
        zone=zone,
    )


def _key(window: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(as_text(window.get(name)) for name in ("kind", "schedule", "duration"))


def _zones(project: Mapping[str, Any]) -> dict[tuple[str, ...], set[str]]:
    """Return the time zones of the project's windows, by their kinds, schedules and durations."""
    zones: dict[tuple[str, ...], set[str]] = {}
    windows: Sequence[dict[str, Any]] = as_objects(project.get("syncWindows"))
    for window in windows:
        zones.setdefault(_key(window), set()).add(as_text(window.get("timeZone")))
    return zones
