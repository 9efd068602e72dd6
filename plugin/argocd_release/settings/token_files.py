"""Read the tokens that a variable holds as the path of a file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from argocd_release.model.errors import SettingProblem

# Variables that hold a token, or the path of a file with one: as of GitLab's type File, and of `secrets:`.
_TOKENS: Final = ("ARGOCD_AUTH_TOKEN", "RELEASE_ID_TOKEN")
_LONGEST_TOKEN: Final = 100_000


def with_files_read(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the token itself wherever a variable holds the path of a file with a token.

    A variable whose file cannot be read stays as it is, and ``load`` reports it. Never raises.
    """
    found = dict(environ)
    for name in _TOKENS:
        token, _ = _token_in_file(environ.get(name, "").strip())
        if token:
            found[name] = token
    return found


def _token_in_file(path: str) -> tuple[str, str]:
    """Return the token in the file, or ``""`` and the reason; both are empty if this is no path.

    The reason does not contain the value: a token that begins with a slash is taken for a path too.
    """
    if not path.startswith("/"):
        return "", ""
    try:
        if not Path(path).is_file():
            return "", "there is no such file"
        with Path(path).open("rb") as file:
            token = file.read(_LONGEST_TOKEN).decode("utf-8", "replace").strip()
    except OSError as error:
        return "", error.strerror or type(error).__name__
    except ValueError:
        return "", "the path contains a null character"
    return token, "" if token else "the file is empty"


def problems(values: Mapping[str, Any]) -> Iterator[SettingProblem]:
    """Yield a problem for each token that begins with a slash, as a path does, if its file could not be read."""
    for name in _TOKENS:
        _, why = _token_in_file(str(values.get(name, "")))
        if why:
            yield SettingProblem(
                name=name,
                code="token-file",
                message=f"begins with / and is taken as the path of a file: {why}",
                fix="use a variable of type File, or the token itself as the value",
            )
