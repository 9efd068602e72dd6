"""Read the address of Argo CD, which people also write with a scheme, a path, quotes or an unexpanded variable."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from argocd_release.core.text import one_line
from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem

NAME: Final = "ARGOCD_SERVER"
_UNEXPANDED: Final = re.compile(r"\$\{?\w+\}?")
_QUOTES: Final = "\"'"
#: An address of this form means exactly one host, so the job goes on with it.
_PLAIN_URL: Final = re.compile(r"(?:https://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")


def accepted(given: str) -> str:
    """Return ``host`` for ``https://host/`` and ``host/``, and any other text unchanged."""
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


def problems(given: str) -> Iterator[SetupProblem]:
    """Yield a problem for each mistake in an address that is not a host, with the address to set instead."""
    host, path = host_and_path(given)
    shown, setting = one_line(_without_password(given), limit=100), f"<{NAME}>"
    host = one_line(host, limit=300)
    fix = settings.SET_TO.fill(setting=setting, value=host) if host else settings.HOST.fill(setting=setting)
    if given[:1] in _QUOTES:
        yield SetupProblem.of_setting(settings.SERVER_QUOTED, NAME, given=shown, fix=fix)
        return
    if is_unexpanded(given):
        yield SetupProblem.of_setting(settings.SERVER_NOT_EXPANDED, NAME, given=shown)
        return
    scheme, separator, _ = given.partition("://")
    if separator:
        plaintext = settings.ADD_PLAINTEXT.fill(fix=fix) if scheme == "http" and host else fix
        yield SetupProblem.of_setting(settings.SERVER_SCHEME, NAME, given=shown, fix=plaintext)
    if path:
        rooted = settings.ADD_ROOT_PATH.fill(fix=fix, path=one_line(path, limit=100)) if host else fix
        yield SetupProblem.of_setting(settings.SERVER_PATH, NAME, given=shown, fix=rooted)


def _without_password(given: str) -> str:
    """Return the address without user and password."""
    scheme, separator, rest = given.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
