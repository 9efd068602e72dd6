"""Convert the texts of settings to numbers, durations such as ``10m``, booleans and addresses, and fill in previews."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from argocd_release.core.text import TAG, host_with_tag, one_line, tag_of, with_tag
from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem
from argocd_release.settings.environment import PROPERTIES, JobEnvironment

# Python refuses to read numbers of thousands of digits, and no setting has more than a few.
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}")
_DURATION: Final = re.compile(r"(?=[0-9])(?:([0-9]{1,4}+)h)?(?:([0-9]{1,6}+)m)?(?:([0-9]{1,8}+)s)?", re.IGNORECASE)
_BOOLEANS: Final = {"true": True, "false": False}


def value_of(name: str, given: str) -> Any:
    """Return the setting's text converted to its type, or the text itself if it cannot be converted."""
    kind = PROPERTIES[name]["type"]
    if kind == "integer" and _NUMBER.fullmatch(given):
        return int(given)
    if kind == "integer" and PROPERTIES[name].get("x-unit") == "seconds":
        return _seconds(given)
    if kind == "boolean":
        return _BOOLEANS.get(given.lower(), given)
    return accepted_address(given) if name == SERVER else given


def warnings(environ: JobEnvironment) -> Iterator[SetupProblem]:
    """Yield a warning for each setting whose value has another form than documented, but a clear meaning."""
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
    """Return the seconds of ``10m``, ``600s`` or ``1h30m``, or the text if it is not a duration."""
    match = _DURATION.fullmatch(given)
    if match is None:
        return given
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


SERVER: Final = "ARGOCD_SERVER"
_UNEXPANDED: Final = re.compile(r"\$\{?\w+\}?")
_QUOTES: Final = "\"'"
#: An address of this form has only one meaning, so the job accepts it.
_PLAIN_URL: Final = re.compile(r"(?:https://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")


def accepted_address(given: str) -> str:
    """Return ``host`` for ``https://host/`` and ``host/``, and any other text unchanged."""
    return given.removeprefix("https://").rstrip("/") if _PLAIN_URL.fullmatch(given) else given


def host_and_path(given: str) -> tuple[str, str]:
    """Return the host and port of an address or URL, and its path without a trailing slash."""
    plain = given.strip(_QUOTES)
    try:
        parts = urlsplit(plain if "://" in plain else f"//{plain}")
    except ValueError:
        return plain, ""
    return parts.netloc.rpartition("@")[2], parts.path.rstrip("/")


def is_unexpanded(given: str) -> bool:
    """Return True if the text is a reference to a variable that GitLab did not expand."""
    return _UNEXPANDED.fullmatch(given) is not None


def address_problems(given: str) -> Iterator[SetupProblem]:
    """Yield a problem for each mistake in an address that is not a host, with the address to set instead."""
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
    """Return the address without user and password."""
    scheme, separator, rest = given.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


# If a branch has no tag, this text replaces the tag while the job checks the settings.
_PLACEHOLDER: Final = "tag-0"
# One of several names, without the separators (``read_names``).
_NAME: Final = re.compile(r"[^\s,]++")


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The preview of a branch, whose application has the branch's tag in its name."""

    branch: str
    pattern: str
    #: The tag; "" if the branch has none.
    tag: str

    @classmethod
    def requested(cls, values: Mapping[str, Any]) -> Self | None:
        """Return the preview if the application's name contains ``{tag}``, otherwise None."""
        if TAG not in str(values.get("ARGOCD_APP_NAME", "")):
            return None
        branch = str(values["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] or values["CI_COMMIT_REF_NAME"])
        pattern = str(values["RELEASE_PREVIEW_PATTERN"])
        return cls(branch=branch, pattern=pattern, tag="" if _error(pattern) else tag_of(branch, pattern))

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings with the tag filled in, and with the defaults of a preview.

        With these defaults, the job waits until the timeout if the application is missing or still at an older commit.
        If no other expectation is set, the application must run the commit of the branch.
        """
        tag = self.tag or _PLACEHOLDER
        made = dict(values)
        # Each name gets a tag that is shortened only as far as this name needs.
        made["ARGOCD_APP_NAME"] = _NAME.sub(lambda name: with_tag(name[0], tag), made["ARGOCD_APP_NAME"])
        made["RELEASE_SITE_URL"] = host_with_tag(made["RELEASE_SITE_URL"], tag)
        made["RELEASE_GITLAB_ENVIRONMENT"] = made["RELEASE_GITLAB_ENVIRONMENT"].replace(TAG, tag)
        made["RELEASE_APPEAR_TIMEOUT"] = made["RELEASE_APPEAR_TIMEOUT"] or made["RELEASE_TIMEOUT"]
        if not any(made[name] for name in ("RELEASE_REVISION", "RELEASE_IMAGE", "RELEASE_CHART_VERSION")):
            made["RELEASE_REVISION"] = made["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] or made["CI_COMMIT_SHA"]
            made["RELEASE_EXPECTATION_GRACE"] = 0
        return made


def preview_problems(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem for each setting of a preview that is wrong or lacks another setting."""
    if error := _error(values["RELEASE_PREVIEW_PATTERN"]):
        yield SetupProblem.of_setting(settings.PATTERN, "RELEASE_PREVIEW_PATTERN", error=error)
    if values["RELEASE_URL_CHECK"] and not values["RELEASE_SITE_URL"]:
        yield SetupProblem.of_setting(settings.URL_MISSING, "RELEASE_URL_CHECK")


def _error(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return ""
