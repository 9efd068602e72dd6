"""JSON from outside, read without trusting its shape: what is not of the kind asked for is empty."""

from typing import Any


def as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_objects(value: object) -> list[dict[str, Any]]:
    """The objects in a list; anything else in it is left out."""
    return [item for item in as_list(value) if isinstance(item, dict)]
