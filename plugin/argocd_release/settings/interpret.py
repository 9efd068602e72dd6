"""Convert the values of settings from text to their types, and insert the preview tag of a branch into them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from argocd_release.core.text import TAG, host_with_tag, one_line, tag_of, with_tag
from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem
from argocd_release.settings.environment import PROPERTIES, JobEnvironment

# The number of digits is limited, because Python raises an error for numbers of thousands of digits.
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}")
_DURATION: Final = re.compile(r"(?=[0-9])(?:([0-9]{1,4}+)h)?(?:([0-9]{1,6}+)m)?(?:([0-9]{1,8}+)s)?", re.IGNORECASE)
_BOOLEANS: Final = {"true": True, "false": False}


def value_of(name: str, given: str) -> Any:
    """Convert the text of a setting to its type. Return an invalid text unchanged, so that the schema rejects it.

    Args:
        name: the variable of the setting.
        given: its text.
    """
    kind = PROPERTIES[name]["type"]
    if kind == "integer" and _NUMBER.fullmatch(given):
        return int(given)
    if kind == "integer" and PROPERTIES[name].get("x-unit") == "seconds":
        return _seconds(given)
    if kind == "boolean":
        return _BOOLEANS.get(given.lower(), given)
    return accepted_address(given) if name == SERVER else given


def warnings(environ: JobEnvironment) -> Iterator[SetupProblem]:
    """Yield a warning for each setting whose value is accepted, although its form is not the documented one."""
    for name in PROPERTIES:
        given = environ.text(name)
        value = value_of(name, given) if given else given
        if not given or not _is_rewritten(name, given, value):
            continue
        if name == SERVER:
            entry = settings.SCHEME_IGNORED if "://" in given else settings.SLASH_IGNORED
        else:
            entry = settings.READ_AS_SECONDS
        yield SetupProblem.of(entry, subject=name, setting=f"<{name}>", given=one_line(given, limit=100), value=value)


def _is_rewritten(name: str, given: str, value: Any) -> bool:
    if PROPERTIES[name]["type"] == "integer":
        return isinstance(value, int) and not _NUMBER.fullmatch(given)
    return name == SERVER and value != given


def _seconds(given: str) -> int | str:
    """Convert a duration such as ``10m``, ``600s`` or ``1h30m`` to seconds. Return any other text unchanged."""
    match = _DURATION.fullmatch(given)
    if match is None:
        return given
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


SERVER: Final = "ARGOCD_SERVER"
_UNEXPANDED: Final = re.compile(r"\$\{?\w+\}?")
_QUOTES: Final = "\"'"
#: The unambiguous forms of an address or URL, which the job accepts although they are not the documented form.
_PLAIN_URL: Final = re.compile(r"(?:https://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")


def accepted_address(given: str) -> str:
    """Convert ``https://host/`` and ``host/`` to ``host``. Return any other text unchanged."""
    return given.removeprefix("https://").rstrip("/") if _PLAIN_URL.fullmatch(given) else given


def host_and_path(given: str) -> tuple[str, str]:
    """Split an address or URL into its host with port, and its path without a trailing slash."""
    plain = given.strip(_QUOTES)
    try:
        parts = urlsplit(plain if "://" in plain else f"//{plain}")
    except ValueError:
        return plain, ""
    return parts.netloc.rpartition("@")[2], parts.path.rstrip("/")


def is_unexpanded(given: str) -> bool:
    """Return True if the text is a reference to a variable, such as ``$HOST``, which GitLab has not expanded."""
    return _UNEXPANDED.fullmatch(given) is not None


def address_problems(given: str) -> Iterator[SetupProblem]:
    """Yield a problem for each mistake in Argo CD's address, with the address that the user must set instead."""
    host, path = host_and_path(given)
    address, setting = one_line(_without_password(given), limit=100), f"<{SERVER}>"
    host = one_line(host, limit=300)
    fix = settings.SET_TO.fill(setting=setting, value=host) if host else settings.HOST.fill(setting=setting)
    if given[:1] in _QUOTES:
        yield SetupProblem.of_setting(settings.SERVER_QUOTED, SERVER, given=address, fix=fix)
        return
    if is_unexpanded(given):
        yield SetupProblem.of_setting(settings.SERVER_NOT_EXPANDED, SERVER, given=address)
        return
    scheme, separator, _ = given.partition("://")
    if separator:
        plaintext = settings.ADD_PLAINTEXT.fill(fix=fix) if scheme == "http" and host else fix
        yield SetupProblem.of_setting(settings.SERVER_SCHEME, SERVER, given=address, fix=plaintext)
    if path:
        rooted = settings.ADD_ROOT_PATH.fill(fix=fix, path=one_line(path, limit=100)) if host else fix
        yield SetupProblem.of_setting(settings.SERVER_PATH, SERVER, given=address, fix=rooted)


def _without_password(given: str) -> str:
    """Remove the user name and the password from an address."""
    scheme, separator, rest = given.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


# If a branch has no preview tag, the job inserts this tag instead, to check the settings.
_PLACEHOLDER: Final = "tag-0"
# Matches one name in a list of names (``load.read_names``).
_NAME: Final = re.compile(r"[^\s,]++")


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The preview of a branch: the application whose name contains the preview tag of the branch."""

    branch: str
    pattern: str
    #: The preview tag; "" if the branch has none.
    tag: str

    @classmethod
    def requested(cls, values: Mapping[str, Any]) -> Self | None:
        """Return the preview if the application name in the settings contains ``{tag}``, otherwise None."""
        if TAG not in str(values.get("ARGOCD_APP_NAME", "")):
            return None
        branch = str(values["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] or values["CI_COMMIT_REF_NAME"])
        pattern = str(values["RELEASE_PREVIEW_PATTERN"])
        return cls(branch=branch, pattern=pattern, tag="" if _error(pattern) else tag_of(branch, pattern))

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings with the tag inserted, and with the defaults of a preview.

        With these defaults, the job waits until the timeout if the application does not exist yet or is at an older
        commit. Without another expectation, the application must be at the branch's commit.
        """
        tag = self.tag or _PLACEHOLDER
        made = dict(values)
        # Shorten the tag for each name separately, and only as much as this name needs.
        made["ARGOCD_APP_NAME"] = _NAME.sub(lambda name: with_tag(name[0], tag), made["ARGOCD_APP_NAME"])
        made["RELEASE_SITE_URL"] = host_with_tag(made["RELEASE_SITE_URL"], tag)
        made["RELEASE_GITLAB_ENVIRONMENT"] = made["RELEASE_GITLAB_ENVIRONMENT"].replace(TAG, tag)
        made["RELEASE_APPEAR_TIMEOUT"] = made["RELEASE_APPEAR_TIMEOUT"] or made["RELEASE_TIMEOUT"]
        if not any(made[name] for name in ("RELEASE_REVISION", "RELEASE_IMAGE", "RELEASE_CHART_VERSION")):
            made["RELEASE_REVISION"] = made["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] or made["CI_COMMIT_SHA"]
            made["RELEASE_EXPECTATION_GRACE"] = 0
        return made


def preview_problems(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem if the preview pattern is invalid, or if the settings of the site contradict each other."""
    if error := _error(values["RELEASE_PREVIEW_PATTERN"]):
        yield SetupProblem.of_setting(settings.PATTERN, "RELEASE_PREVIEW_PATTERN", error=error)
    if values["RELEASE_URL_CHECK"] and not values["RELEASE_SITE_URL"]:
        yield SetupProblem.of_setting(settings.URL_MISSING, "RELEASE_URL_CHECK")
    for name in ("RELEASE_URL_STATUS", "RELEASE_URL_BODY", "RELEASE_URL_SUCCESS_THRESHOLD"):
        if values["RELEASE_URL_CHECK"] is False and values[name] != PROPERTIES[name]["default"]:
            yield SetupProblem.of_setting(settings.URL_UNCHECKED, name)


def _error(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return ""
