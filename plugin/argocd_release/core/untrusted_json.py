"""Read JSON from outside without trusting its shape: a value of an unexpected type counts as empty."""

import json
from typing import Any, Final

from argocd_release.core.secret_data import message_shown
from argocd_release.core.text import clean, one_line

MESSAGE_LIMIT: Final = 4000


def parse_json(text: str | bytes) -> Any:
    """Return the document.

    Raises:
        ValueError: the text is not JSON, or is nested too deeply for Python.
    """
    try:
        # Some programs put a byte order mark in front.
        return json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text)
    except RecursionError as error:
        raise ValueError("the document is nested too deeply") from error


def as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_objects(value: object) -> list[dict[str, Any]]:
    """Return the objects in a list, without its other elements."""
    return [item for item in as_list(value) if isinstance(item, dict)]


def as_text(value: object) -> str:
    """Return clean text of at most about ``MESSAGE_LIMIT`` characters, with its line breaks."""
    return clean(value, limit=MESSAGE_LIMIT).strip() if isinstance(value, str) else ""


def as_message(value: object, *, kind: str = "") -> str:
    """Return a message about an object of the kind: clean, and without values of Secrets and dumps of objects."""
    return as_text(message_shown(value, kind=kind)) if isinstance(value, str) else ""


def as_line(value: object) -> str:
    """Return clean text of at most about ``MESSAGE_LIMIT`` characters on one line."""
    return one_line(value, limit=MESSAGE_LIMIT) if isinstance(value, str) else ""
