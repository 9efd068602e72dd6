"""Read the settings and secrets in the job's environment, and find out by which names users can set them.

The component passes its inputs as variables. It also gives the job a GitLab environment and an ID token by default.
"""

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from argocd_release.argocd import connection
from argocd_release.core.redaction import credentials_in
from argocd_release.core.text import nearest
from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem

SCHEMA: Final[dict[str, Any]] = json.loads(
    resources.files(__package__).joinpath("settings.schema.json").read_text("utf-8")
)
PROPERTIES: Final[dict[str, dict[str, Any]]] = SCHEMA["properties"]
PREFIX: Final = "RELEASE_"


def described(declared: Mapping[str, Any]) -> str:
    """Return the description of a setting, followed by its default if it has one."""
    default = declared.get("default", "")
    suffix = "" if default == "" else f" (default: {default if isinstance(default, str) else json.dumps(default)})"
    return f"{declared['description']}{suffix}"


# The component passes its inputs in variables with this prefix. Without it, a variable of the same name in the GitLab
# group or project would override the input (https://docs.gitlab.com/ci/variables/#cicd-variable-precedence).
INPUT_PREFIX: Final = "INPUT_"
# The component sets this variable. In the component's job, variables such as RELEASE_IMAGE are ignored, because a
# pipeline can use these names for other purposes.
COMPONENT: Final = "INPUT_COMPONENT"


class JobEnvironment(Mapping[str, str]):
    """The environment variables of the job, and the settings in them. The object is immutable."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = dict(variables)

    def __getitem__(self, name: str) -> str:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def text(self, name: str) -> str:
        """Return the value of the setting without surrounding whitespace, or ``""`` if it is not set."""
        if given := self._input(name):
            return given
        return self.get(name, "").strip() if self._is_read(name) else ""

    def source(self, name: str) -> str:
        """Return the name of the variable that contains the value: ``INPUT_…`` if the input is set, else ``name``."""
        return INPUT_PREFIX + name if self.get(INPUT_PREFIX + name, "").strip() else name

    def typed_name(self, name: str) -> str:
        """Return the name by which the user can change the setting: ``input timeout`` or ``RELEASE_TIMEOUT``.

        In the component's job, the result is the input. If the setting has no input or comes from a variable, the
        result is the variable.
        """
        title = PROPERTIES[name].get("x-input", "")
        given_as_variable = bool(self.get(name, "").strip()) and self._is_read(name) and not self._input(name)
        in_component = COMPONENT in self or bool(self._input(name))
        return f"input {title}" if title and in_component and not given_as_variable else name

    def name_in_text(self, name: str, value: str) -> str:
        """Return the text that replaces ``<NAME>`` or ``<NAME=value>`` in a message.

        The text names the input or the variable that ``typed_name`` returns.

        Args:
            name: the variable of the setting. If it is not a setting, ``<NAME>`` stays unchanged.
            value: the value that the message recommends, or an empty string.
        """
        if name not in PROPERTIES:
            return f"<{name}{f'={value}' if value else ''}>"
        typed = self.typed_name(name)
        if typed == name:
            return f"{name}={value}" if value else name
        return f"the input `{PROPERTIES[name]['x-input']}: {value}`" if value else f"the {typed}"

    def unknown_variables(self) -> tuple[tuple[str, str], ...]:
        """Return each variable with ``PREFIX`` that is not a setting, together with the most similar setting or ``""``.

        In the component's job, the result is empty, because the pipeline can use such variables for other purposes.
        """
        if COMPONENT in self:
            return ()
        settings = [name.removeprefix(PREFIX) for name in PROPERTIES if name.startswith(PREFIX)]
        names = [name.removeprefix(PREFIX) for name in sorted(self) if name.startswith(PREFIX)]
        if set(names) <= set(settings):
            return ()
        # Compare the names without their common prefix, because the prefix makes all names similar.
        similar = {name: nearest(name, settings) for name in names if name not in settings}
        return tuple((PREFIX + name, PREFIX + setting if setting else "") for name, setting in similar.items())

    def ignored_variables(self) -> tuple[tuple[str, str], ...]:
        """Return each variable that is set, but that the job ignores in favour of an input, with that input."""
        return tuple(
            (name, declared["x-input"])
            for name, declared in PROPERTIES.items()
            if "x-input" in declared and self.get(name, "").strip() and not self._is_read(name)
        )

    def _input(self, name: str) -> str:
        """Return the value of the component's input for the setting, or ``""`` if it is not set."""
        declared = PROPERTIES[name]
        if declared.get("x-secret") or name.startswith("CI_"):
            return ""
        given = self.get(INPUT_PREFIX + name, "").strip()
        return "" if given == str(declared.get("x-input-unset", "")) else given

    def _is_read(self, name: str) -> bool:
        """Return True if the job reads the variable without ``INPUT_PREFIX``.

        The component's job takes its settings from inputs, with three exceptions. Secrets and grace periods are always
        variables. So are settings whose names do not begin with ``RELEASE_``. A variable such as RELEASE_TIMEOUT gives
        an input its default.
        """
        declared = PROPERTIES[name]
        of_guide = not name.startswith(PREFIX) or "x-input-unset" in declared
        # Secrets and grace periods have no input, so only variables can contain them.
        return COMPONENT not in self or of_guide or bool(declared.get("x-secret")) or "x-patience" in declared


# The settings that contain headers for the collector of traces.
_HEADERS: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
JOB_NAME: Final = "INPUT_JOB_NAME"
WITH_ENVIRONMENT: Final = "INPUT_WITH_ENVIRONMENT"
OIDC_AUDIENCE: Final = "INPUT_OIDC_AUDIENCE"


def asks_identity(environ: JobEnvironment) -> bool:
    """Return True if the component is configured to sign in with an ID token."""
    return bool(environ.get(OIDC_AUDIENCE, "").strip())


def missing_identity(values: Mapping[str, Any], environ: JobEnvironment) -> Iterator[SetupProblem]:
    """Yield a problem if the job must sign in with an ID token but has none, and cannot use a stored token instead."""
    connector = values.get("RELEASE_DEX_CONNECTOR")
    if values.get("RELEASE_ID_TOKEN"):
        return
    if asks_identity(environ) and (connector or not values.get("ARGOCD_AUTH_TOKEN")):
        reason, fix = _no_identity(environ)
        yield SetupProblem.of_setting(settings.IDENTITY_MISSING, "RELEASE_ID_TOKEN", reason=reason, fix=fix)
    elif connector:
        yield SetupProblem.of_setting(settings.CONNECTOR_WITHOUT_IDENTITY, "RELEASE_DEX_CONNECTOR")


def identity_warnings(environ: JobEnvironment) -> Iterator[SetupProblem]:
    """Yield warnings if the job lacks the component's environment or ID token, but can run without them."""
    if lacks_environment(environ):
        yield SetupProblem.of(settings.ENVIRONMENT_GONE, fix=how_to_extend(environ))
    if asks_identity(environ) and not environ.get("RELEASE_ID_TOKEN") and environ.get("ARGOCD_AUTH_TOKEN"):
        reason, fix = _no_identity(environ)
        yield SetupProblem.of(settings.STORED_TOKEN_USED, reason=reason, fix=fix)


def lacks_environment(environ: JobEnvironment) -> bool:
    """Return True if the component gives its job an environment, but GitLab has started the job without it."""
    return environ.get(WITH_ENVIRONMENT, "").strip() == "true" and not environ.get("CI_ENVIRONMENT_NAME")


def how_to_extend(environ: JobEnvironment) -> str:
    """Return a hint: the ``extends`` with which an overridden job keeps the component's environment and ID token."""
    job = environ.get(JOB_NAME, "").strip() or "argocd-release"
    token = "https" if asks_identity(environ) else ""
    parts = [f".{job}:environment:{environ.get(WITH_ENVIRONMENT, 'true').strip()}", f'".{job}:id-token:{token}"']
    return settings.KEEP_EXTENDS.fill(parts=", ".join(parts))


def _no_identity(environ: JobEnvironment) -> tuple[str, str]:
    """Return the reason why the job has no ID token, and how to fix that."""
    if lacks_environment(environ):
        # Both the environment and the ID token are missing, so the pipeline has replaced the ``extends`` of the
        # component's job.
        return settings.EXTENDS_REPLACED.fill(), how_to_extend(environ)
    return settings.NO_ID_TOKEN.fill(), settings.ASK_FOR_KEY.fill(fix=how_to_extend(environ))


# Variables with the URLs of proxies. They are not settings, but programs and libraries in the job read them.
_ADDRESSES: Final = (
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
)  # fmt: skip
# GitLab's variables about the pipeline whose values must stay readable in the log.
_OPEN: Final = (
    "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_COMMIT_REF_SLUG", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG", "CI_PROJECT_PATH",
    "CI_PROJECT_NAME", "CI_REGISTRY", "CI_REGISTRY_IMAGE", "CI_SERVER_HOST", "CI_ENVIRONMENT_NAME",
    "CI_ENVIRONMENT_SLUG",
)  # fmt: skip


#: Settings that are not secret as a whole, but whose values can contain a header or a password.
WITH_SECRETS: Final = frozenset({"ARGOCD_OPTS", "RELEASE_PROXY"})


def open_values(environ: JobEnvironment) -> tuple[str, ...]:
    """Return the values that must not be redacted: public settings, and GitLab's variables about the pipeline."""
    names = [name for name in PROPERTIES if not _is_secret(name) and name not in WITH_SECRETS]
    values = [environ.text(name) for name in names]
    values += [str(PROPERTIES[name].get("default", "")) for name in names]
    return tuple(filter(None, (*values, *(environ.get(name, "") for name in _OPEN))))


def secret_values(environ: JobEnvironment) -> tuple[str, ...]:
    """Return the values to redact: secret settings, passwords in URLs, and parts of headers and ``ARGOCD_OPTS``."""
    values = [environ.text(name) for name in PROPERTIES if _is_secret(name)]
    # GitLab's URL of the repository contains the job's token. Other URLs can contain a password by mistake.
    values += [secret for name in (*PROPERTIES, *_ADDRESSES) for secret in _credentials(environ, name)]
    values.append(environ.text("RELEASE_GIT_TOKEN").partition(":")[2])
    readable = open_values(environ)
    parts = [secret for name in _HEADERS for secret in _header_secrets(environ.text(name))]
    parts += connection.option_secrets(environ.text("ARGOCD_OPTS"))
    # A part that also occurs in a public value is not secret, such as the name of a tenant in a header.
    values += [part for part in parts if not any(part in value for value in readable)]
    return tuple(secret for secret in values if secret)


def _header_secrets(text: str) -> Iterator[str]:
    """Yield the secret parts of a list of headers such as ``authorization=Bearer%20token``."""
    for part in text.split(","):
        value = unquote(part.partition("=")[2]).strip()
        yield from (value, value.rpartition(" ")[2])


def _credentials(environ: JobEnvironment, name: str) -> Iterator[str]:
    """Yield the passwords and tokens in the URLs of a variable, and of its component input."""
    for value in {environ.get(name, ""), environ.get(INPUT_PREFIX + name, "")}:
        for word in value.split():
            yield from credentials_in(word)


def _is_secret(name: str) -> bool:
    return bool(PROPERTIES[name].get("x-secret"))


# Variables that contain a token or the path of a file with the token. GitLab sets a path if the variable has the type
# File or comes from the keyword `secrets:`.
_TOKENS: Final = ("ARGOCD_AUTH_TOKEN", "RELEASE_ID_TOKEN")
_LONGEST_TOKEN: Final = 100_000


def with_files_read(environ: Mapping[str, str]) -> JobEnvironment:
    """Return the environment, with the path of each token file replaced by the token in it.

    If a file cannot be read, keep its path, so that ``load`` reports it. This function never raises an exception.
    """
    variables = dict(environ)
    for name in _TOKENS:
        token, _ = _token_in_file(environ.get(name, "").strip())
        if token:
            variables[name] = token
    return JobEnvironment(variables)


def _token_in_file(path: str) -> tuple[str, str]:
    """Read a token from the file at this path. Return the token and "", or "" and the error.

    If the text is not an absolute path, return two empty strings. The error does not quote the text, because a token
    that begins with a slash looks like a path too.
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


def token_file_problems(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem for each token setting that is the path of a file without a readable token."""
    for name in _TOKENS:
        _, reason = _token_in_file(str(values.get(name, "")))
        if reason:
            yield SetupProblem.of_setting(settings.TOKEN_FILE, name, reason=reason)
