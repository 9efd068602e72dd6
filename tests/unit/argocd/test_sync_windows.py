"""Test what the job says about sync windows that block the sync: the windows, when a sync is possible, and the hint."""

from datetime import UTC, datetime
from typing import Any

import pytest

from argocd_release.argocd.sync_windows import blocks, sync_window_of
from argocd_release.messages import verdict
from argocd_release.model.observation import SyncWindow

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
ALWAYS = {"kind": "deny", "schedule": "* * * * *", "duration": "1h"}
NOON = {"kind": "deny", "schedule": "0 12 * * *", "duration": "1h"}
NIGHT = {"kind": "allow", "schedule": "0 22 * * *", "duration": "2h"}


def answer(*active: dict[str, Any], others: tuple[dict[str, Any], ...] = (), can_sync: bool = False) -> dict[str, Any]:
    return {"activeWindows": list(active), "assignedWindows": [*active, *others], "canSync": can_sync}


def project(*windows: dict[str, Any]) -> dict[str, Any]:
    return {"syncWindows": list(windows)}


@pytest.mark.parametrize(
    ("response", "spec", "window"),
    [
        (answer(NOON), project(NOON), SyncWindow(windows='deny "0 12 * * *" for 1h', opens="2026-11-29 13:00 UTC")),
        (answer(ALWAYS), project(ALWAYS), SyncWindow(windows='deny "* * * * *" for 1h', stays_closed=True)),
        (answer(others=(NIGHT,), can_sync=True), project(NIGHT), SyncWindow(windows='allow "0 22 * * *" for 2h', opens="2026-11-29 22:00 UTC", allows_users=True)),
        (answer(others=(NIGHT,)), project(NIGHT | {"timeZone": "Asia/Tokyo"}), SyncWindow(windows='allow "0 22 * * *" for 2h', opens="2026-11-29 13:00 UTC")),
        # The times are unknown without the project, and if two windows differ only in their time zones.
        (answer(NOON), {}, SyncWindow(windows='deny "0 12 * * *" for 1h')),
        (answer(NOON), project(NOON, NOON | {"timeZone": "Asia/Tokyo"}), SyncWindow(windows='deny "0 12 * * *" for 1h')),
        (answer(NOON | {"schedule": "at noon"}), project(NOON | {"schedule": "at noon"}), SyncWindow(windows='deny "at noon" for 1h')),
    ],
)  # fmt: skip
def test_the_windows(response: dict[str, Any], spec: dict[str, Any], window: SyncWindow) -> None:
    assert blocks(response)
    assert sync_window_of(response, spec, NOW) == window


@pytest.mark.parametrize("response", [answer(), answer(NIGHT), answer(NIGHT, others=(NOON,)), {}])
def test_windows_that_allow_a_sync(response: dict[str, Any]) -> None:
    assert not blocks(response)


@pytest.mark.parametrize(
    ("window", "hint"),
    [
        (SyncWindow(windows="x"), verdict.ASK_OWNER_WHEN),
        (SyncWindow(windows="x", stays_closed=True), verdict.ASK_FOR_CHANGE),
        (SyncWindow(windows="x", opens="22:00 UTC"), f"{verdict.RETRY_AT.fill(time='22:00 UTC')}; or {verdict.ASK_FOR_EARLIER}"),
        (SyncWindow(windows="x", stays_closed=True, allows_users=True), f"{verdict.SYNC_NOW.fill(application='argocd/web')}; or {verdict.ASK_FOR_CHANGE}"),
    ],
)  # fmt: skip
def test_the_hint_fits_the_window(window: SyncWindow, hint: str) -> None:
    assert window.hint("argocd/web") == hint
