"""What every test shares: an environment without settings, and one sandbox for all that need a real Argo CD."""

import os

import pytest

SETTINGS = ("ARGOCD_", "RELEASE_", "CI_")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        monkeypatch.delenv(name)
