"""The address of Argo CD as people write it: with a scheme, a path, quotes, or a variable that was not expanded."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from argocd_release.core.text import one_line
from argocd_release.model.errors import SettingProblem

NAME: Final = "ARGOCD_SERVER"
_UNEXPANDED: Final = re.compile(r"\$\{?\w+\}?")
_QUOTES: Final = "\"'"
#: An address of this form means exactly one host, so the job goes on with it.
_PLAIN_URL: Final = re.compile(r"(?:https://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")

_HOST: Final = "set it to the host of Argo CD, such as argocd.example.com"


def accepted(given: str) -> str:
    """Return ``host`` for ``https://host/`` and ``host/``; any other text as it is."""
    return given.removeprefix("https://").rstrip("/") if _PLAIN_URL.fullmatch(given) else given


def host_and_path(given: str) -> tuple[str, str]:
    """Return the host with its port, and the path without a trailing slash, of an address or a URL."""
    plain = given.strip(_QUOTES)
    try:
        parts = urlsplit(plain if "://" in plain else f"//{plain}")
    except ValueError:
        return plain, ""
    return parts.netloc.rpartition("@")[2], parts.path.rstrip("/")


def is_unexpanded(given: str) -> bool:
    """Return True if the text is a reference to a variable, which GitLab did not expand."""
    return _UNEXPANDED.fullmatch(given) is not None


def problems(given: str) -> Iterator[SettingProblem]:
    """Return what is wrong with an address that is no host, with the address to set instead."""
    host, path = host_and_path(given)
    shown = one_line(_without_password(given), limit=100)
    value = host or None
    if given[:1] in _QUOTES:
        yield SettingProblem(
            name=NAME,
            code="server-quoted",
            message=f"has quotes around it: {shown}",
            value=value,
            fix="" if value else _HOST,
        )
        return
    if is_unexpanded(given):
        yield SettingProblem(
            name=NAME,
            code="server-not-expanded",
            message=f"is {shown}: this variable does not exist, or GitLab did not expand it",
            fix="write the address itself, or turn on “Expand variable reference” of the variable that refers to it",
        )
        return
    scheme, separator, _ = given.partition("://")
    if separator:
        hint = ", and add --plaintext to <ARGOCD_OPTS> if Argo CD is served without TLS" if scheme == "http" else ""
        message = f"has a scheme: {shown}"
        yield SettingProblem(
            name=NAME, code="server-scheme", message=message, value=value, fix=hint if value else _HOST
        )
    if path:
        hint = f", and add --grpc-web-root-path {path} to <ARGOCD_OPTS>"
        yield SettingProblem(
            name=NAME, code="server-path", message=f"has a path: {shown}", value=value, fix=hint if value else _HOST
        )


def _without_password(given: str) -> str:
    """Return the address without user and password."""
    scheme, separator, rest = given.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
