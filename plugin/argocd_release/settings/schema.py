"""The declaration of every setting: ``settings.schema.json``.

The schema gives each setting its name, type, default and description, and the field of ``Settings`` that holds it.
"""

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

SCHEMA: Final[dict[str, Any]] = json.loads(
    resources.files(__package__).joinpath("settings.schema.json").read_text("utf-8")
)
PROPERTIES: Final[dict[str, dict[str, Any]]] = SCHEMA["properties"]
PREFIX: Final = "RELEASE_"


def described(declared: Mapping[str, Any]) -> str:
    """Return the description of a setting, with its default if it has one."""
    default = declared.get("default", "")
    shown = "" if default == "" else f" (default: {default if isinstance(default, str) else json.dumps(default)})"
    return f"{declared['description']}{shown}"
