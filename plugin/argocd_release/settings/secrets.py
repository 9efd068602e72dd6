"""Tell apart the values that must not be shown and those that people must be able to read."""

from collections.abc import Iterator, Mapping
from typing import Final

from argocd_release.argocd import options
from argocd_release.core.credentials import credentials_in
from argocd_release.settings.environment import INPUT_PREFIX, text
from argocd_release.settings.schema import PROPERTIES

# Addresses that are no settings and that the job's programs read.
_ADDRESSES: Final = (
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
)  # fmt: skip
# What GitLab says of the pipeline, and people look for in the log.
_OPEN: Final = (
    "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_COMMIT_REF_SLUG", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG", "CI_PROJECT_PATH",
    "CI_PROJECT_NAME", "CI_REGISTRY", "CI_REGISTRY_IMAGE", "CI_SERVER_HOST", "CI_ENVIRONMENT_NAME",
    "CI_ENVIRONMENT_SLUG",
)  # fmt: skip


def open_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Values that people must be able to read: those of the settings that are no secret, and the pipeline's own."""
    # The options hold headers, which may well be secret.
    shown = [name for name in PROPERTIES if not _is_secret(name) and name != "ARGOCD_OPTS"]
    values = [each for name in shown for each in (text(environ, name), str(PROPERTIES[name].get("default", "")))]
    return tuple(filter(None, (*values, *(environ.get(name, "") for name in _OPEN))))


def secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that must not be shown: secret settings, passwords in addresses, words of ``ARGOCD_OPTS``."""
    found = [text(environ, name) for name in PROPERTIES if _is_secret(name)]
    # The repository's URL holds the job's token. Any other address can hold a password that does not belong there.
    found += [secret for name in (*PROPERTIES, *_ADDRESSES) for secret in _credentials(environ, name)]
    found.append(text(environ, "RELEASE_GIT_TOKEN").partition(":")[2])
    shown = open_values(environ)
    found += [
        part for part in options.secrets(text(environ, "ARGOCD_OPTS")) if not any(part in value for value in shown)
    ]
    return tuple(secret for secret in found if secret)


def _credentials(environ: Mapping[str, str], name: str) -> Iterator[str]:
    """Yield the credentials in the variable, and in the input of the same name."""
    for value in {environ.get(name, ""), environ.get(INPUT_PREFIX + name, "")}:
        for word in value.split():
            yield from credentials_in(word)


def _is_secret(name: str) -> bool:
    return bool(PROPERTIES[name].get("x-secret"))
