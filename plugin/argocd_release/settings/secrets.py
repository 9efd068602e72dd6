"""The secrets of a job: tokens in variables or in files."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from argocd_release.argocd import options
from argocd_release.core.redaction import credentials_in
from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem
from argocd_release.settings.environment import INPUT_PREFIX, PROPERTIES, JobEnvironment

# Variables that hold addresses. They are not settings, but the programs of the job read them.
_ADDRESSES: Final = (
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
)  # fmt: skip
# GitLab's variables about the pipeline that people look for in the log.
_OPEN: Final = (
    "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_COMMIT_REF_SLUG", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG", "CI_PROJECT_PATH",
    "CI_PROJECT_NAME", "CI_REGISTRY", "CI_REGISTRY_IMAGE", "CI_SERVER_HOST", "CI_ENVIRONMENT_NAME",
    "CI_ENVIRONMENT_SLUG",
)  # fmt: skip


def open_values(environ: JobEnvironment) -> tuple[str, ...]:
    """Return the values that users must be able to read: public settings, and GitLab's variables about the pipeline."""
    # The options can hold headers with secrets.
    names = [name for name in PROPERTIES if not _is_secret(name) and name != "ARGOCD_OPTS"]
    values = [environ.text(name) for name in names]
    values += [str(PROPERTIES[name].get("default", "")) for name in names]
    return tuple(filter(None, (*values, *(environ.get(name, "") for name in _OPEN))))


def secrets(environ: JobEnvironment) -> tuple[str, ...]:
    """Return the values that must not be shown: secret settings, passwords in addresses, words of ``ARGOCD_OPTS``."""
    values = [environ.text(name) for name in PROPERTIES if _is_secret(name)]
    # The repository's URL holds the job's token. Any other address can hold a password by mistake.
    values += [secret for name in (*PROPERTIES, *_ADDRESSES) for secret in _credentials(environ, name)]
    values.append(environ.text("RELEASE_GIT_TOKEN").partition(":")[2])
    readable = open_values(environ)
    values += [
        part for part in options.secrets(environ.text("ARGOCD_OPTS")) if not any(part in value for value in readable)
    ]
    return tuple(secret for secret in values if secret)


def _credentials(environ: JobEnvironment, name: str) -> Iterator[str]:
    """Yield the credentials in the variable, and in the input of the same name."""
    for value in {environ.get(name, ""), environ.get(INPUT_PREFIX + name, "")}:
        for word in value.split():
            yield from credentials_in(word)


def _is_secret(name: str) -> bool:
    return bool(PROPERTIES[name].get("x-secret"))


# Variables that contain a token, or the path of a file with the token. GitLab sets a path if the variable has the type
# File, or comes from `secrets:`.
_TOKENS: Final = ("ARGOCD_AUTH_TOKEN", "RELEASE_ID_TOKEN")
_LONGEST_TOKEN: Final = 100_000


def with_files_read(environ: Mapping[str, str]) -> JobEnvironment:
    """Return the environment. If a variable contains the path of a file with a token, replace the path by the token.

    If the file cannot be read, the path stays, and ``load`` reports it. This function never raises.
    """
    variables = dict(environ)
    for name in _TOKENS:
        token, _ = _token_in_file(environ.get(name, "").strip())
        if token:
            variables[name] = token
    return JobEnvironment(variables)


def _token_in_file(path: str) -> tuple[str, str]:
    """Return the token in the file, and the reason if there is none. Both are empty if the text is not a path.

    The reason does not quote the text, because a token that begins with a slash looks like a path too.
    """
    if not path.startswith("/"):
        return "", ""
    try:
        if not Path(path).is_file():
            return "", settings.TOKEN_FILE_MISSING.fill()
        with Path(path).open("rb") as file:
            token = file.read(_LONGEST_TOKEN).decode("utf-8", "replace").strip()
    except OSError as error:
        return "", error.strerror or type(error).__name__
    except ValueError:
        return "", settings.TOKEN_FILE_NAME_INVALID.fill()
    return token, "" if token else settings.TOKEN_FILE_EMPTY.fill()


def problems(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem for each token setting that looks like a path, if no token can be read from its file."""
    for name in _TOKENS:
        _, reason = _token_in_file(str(values.get(name, "")))
        if reason:
            yield SetupProblem.of_setting(settings.TOKEN_FILE, name, reason=reason)
