"""Convert the text of a setting: numbers, durations such as ``10m``, booleans, and a plain URL as address."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from argocd_release.core.text import one_line
from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem
from argocd_release.settings import server_address
from argocd_release.settings.environment import text
from argocd_release.settings.schema import PROPERTIES

# Python refuses to read numbers of thousands of digits, and no setting has more than a few.
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}")
_DURATION: Final = re.compile(r"(?=[0-9])(?:([0-9]{1,4}+)h)?(?:([0-9]{1,6}+)m)?(?:([0-9]{1,8}+)s)?", re.IGNORECASE)
_BOOLEANS: Final = {"true": True, "false": False}


def value_of(name: str, given: str) -> Any:
    """Return the value that the text means, or the text itself if it has no such meaning."""
    kind = PROPERTIES[name]["type"]
    if kind == "integer" and _NUMBER.fullmatch(given):
        return int(given)
    if kind == "integer" and PROPERTIES[name].get("x-unit") == "seconds":
        return _seconds(given)
    if kind == "boolean":
        return _BOOLEANS.get(given.lower(), given)
    return server_address.accepted(given) if name == server_address.NAME else given


def warnings(environ: Mapping[str, str]) -> Iterator[SetupProblem]:
    """Yield a warning for each setting that is understood although it is not written as it should be."""
    for name in PROPERTIES:
        given = text(environ, name)
        value = value_of(name, given) if given else given
        if not given or not _is_rewritten(name, given, value):
            continue
        if name == server_address.NAME:
            entry = settings.SCHEME_IGNORED if "://" in given else settings.SLASH_IGNORED
        else:
            entry = settings.READ_AS_SECONDS
        yield SetupProblem.of(entry, subject=name, setting=f"<{name}>", given=one_line(given, limit=100), value=value)


def _is_rewritten(name: str, given: str, value: Any) -> bool:
    if PROPERTIES[name]["type"] == "integer":
        return isinstance(value, int) and not _NUMBER.fullmatch(given)
    return name == server_address.NAME and value != given


def _seconds(given: str) -> int | str:
    """Return the seconds of ``10m``, ``600s`` or ``1h30m``, or the text if it is not a duration."""
    match = _DURATION.fullmatch(given)
    if match is None:
        return given
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
