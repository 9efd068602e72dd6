"""Helpers for Argo CD's ApplicationSet and notifications controllers, which the sandbox runs only on request."""

from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.sandbox import Sandbox

EXAMPLES: Final = Path(__file__).parents[2] / "component" / "examples"


def webhook_address(sandbox: Sandbox) -> str:
    """Return the URL at which the ApplicationSet controller receives GitLab's webhooks."""
    return f"http://127.0.0.1:{sandbox.layout.ports['applicationset-webhook']}/api/webhook"


def log(sandbox: Sandbox, name: str) -> str:
    """Return the whole log of a component."""
    return (sandbox.folder / "logs" / f"{name}.log").read_text("utf-8", "replace")


def example(path: str) -> dict[str, Any]:
    """Return the object in an example file, which contains only one."""
    parsed: dict[str, Any] = yaml.safe_load((EXAMPLES / path).read_text("utf-8"))
    return parsed
