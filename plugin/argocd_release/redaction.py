"""What no output may show: known secrets, whatever looks like a token, and the data of Secrets.

Argo CD's messages can quote whole objects (argo-cd GHSA-47g2-qmh2-749v), and a program's log can print anything.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Final, TypeVar
from xml.sax.saxutils import escape

REDACTED: Final = "[redacted]"
LEAST_LENGTH: Final = len("12345678")
Redact = Callable[[str], str]
T = TypeVar("T")

_JWT: Final = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_BEARER: Final = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{8,}")
_DATA: Final = re.compile(r'\\*"(?:data|stringData)\\*"\s*:\s*\{')
# The same object as Go prints a map.
_DATA_MAP: Final = re.compile(r"\b((?:data|stringData):map\[)[^\]]*")
# Words in the name of a variable that make its value a secret, and last words that say it is something else.
_SECRET_WORDS: Final = frozenset(
    {"TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "JWT", "CREDENTIALS", "APIKEY"}
)
_SECRET_KEYS: Final = ("API_KEY", "PRIVATE_KEY", "ACCESS_KEY", "SECRET_KEY", "DEPLOY_KEY", "AUTH_CONFIG")
_NO_SECRET: Final = frozenset(
    {
        "NAME",
        "USER",
        "USERNAME",
        "ID",
        "PATH",
        "FILE",
        "DIR",
        "URL",
        "URI",
        "HOST",
        "SERVER",
        "NAMESPACE",
        "TYPE",
        "TTL",
    }
)


def redaction(secrets: Iterable[str]) -> Redact:
    """A function that replaces the secrets, also as XML and JSON write them, and whatever looks like a token."""
    known = {form for secret in secrets for form in _forms(secret) if len(form) >= LEAST_LENGTH}
    # The longest first: one may be a part of another.
    ordered = sorted(known, key=len, reverse=True)

    def redact(text: str) -> str:
        for secret in ordered:
            text = text.replace(secret, REDACTED)
        return _BEARER.sub(rf"\1{REDACTED}", _JWT.sub(REDACTED, text))

    return redact


def masked(environ: Mapping[str, str], *, shown: Iterable[str] = ()) -> tuple[str, ...]:
    """Values of variables whose name says that they are secret; never one of ``shown``, which people must see.

    GitLab does not tell a job which of its variables are masked.
    """
    open_values = set(shown)
    found = [value for name, value in environ.items() if _says_secret(name)]
    lines = [line.strip() for value in found for line in (value, *value.splitlines())]
    return tuple(dict.fromkeys(line for line in lines if len(line) >= LEAST_LENGTH and line not in open_values))


def without_data(text: str) -> str:
    """The text without what an object quoted in it has under ``data`` or ``stringData``."""
    parts: list[str] = []
    position = 0
    while (found := _DATA.search(text, position)) is not None:
        parts += [text[position : found.end() - 1], f"{{{REDACTED}}}"]
        position = _end_of_object(text, found.end())
    parts.append(text[position:])
    return _DATA_MAP.sub(rf"\1{REDACTED}", "".join(parts))


def everywhere(value: T, redact: Redact) -> T:
    """The same value with each text in it redacted, the data of Secrets included: dataclasses, mappings, sequences."""
    redacted: T = _everywhere(value, lambda text: redact(without_data(text)))
    return redacted


def _everywhere(value: Any, redact: Redact) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return redact(value)
        case Mapping():
            return {key: _everywhere(item, redact) for key, item in value.items()}
        case tuple() | list():
            return type(value)(_everywhere(item, redact) for item in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            parts = {part.name: getattr(value, part.name) for part in fields(value) if part.init}
            return replace(value, **{name: _everywhere(part, redact) for name, part in parts.items()})
        case _:
            return value


def _forms(secret: str) -> set[str]:
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {secret, " ".join(secret.split()), escape(secret), escape(secret, {'"': "&quot;"})} | quoted


def _says_secret(name: str) -> bool:
    words = name.upper().split("_")
    return words[-1] not in _NO_SECRET and (
        not _SECRET_WORDS.isdisjoint(words) or any(key in name.upper() for key in _SECRET_KEYS)
    )


def _end_of_object(text: str, position: int) -> int:
    """Where the object that is open at ``position`` ends; the end of the text if it was cut off."""
    depth, quoted = 1, False
    while position < len(text) and depth:
        match text[position]:
            case '"':
                quoted = not quoted
            case "{" if not quoted:
                depth += 1
            case "}" if not quoted:
                depth -= 1
            case _:
                pass
        position += 1
    return position
