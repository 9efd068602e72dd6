"""Check settings beyond what the schema can say."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from argocd_release.argocd import options
from argocd_release.core.text import one_line
from argocd_release.model.errors import SettingProblem
from argocd_release.settings import component_job, expectations_file, preview, secrets, server_address
from argocd_release.settings.environment import COMPONENT
from argocd_release.settings.schema import PROPERTIES, SCHEMA

_WHAT_TO_WAIT_FOR: Final = ("ARGOCD_APP_NAME", "RELEASE_SELECTOR", "RELEASE_PROJECT")
_MEANT: Final = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
_OPTIONS_WITH_FILES: Final = ("--server-crt", "--client-crt", "--client-crt-key")
_PEM: Final = "-----BEGIN"
_LONGEST_PATH: Final = 255
_LONGEST_FILE: Final = 1 << 20


def problems(values: Mapping[str, Any], environ: Mapping[str, str]) -> list[SettingProblem]:
    """Return everything that is wrong, in the order of the schema.

    Args:
        values: the settings as the program would use them.
        environ: the job's environment, which says how GitLab started the job.

    """
    found = [*_missing(values, environ), *component_job.missing_identity(values, environ)]
    found += secrets.problems(values)
    found += _split(values, environ)
    for error in Draft202012Validator(SCHEMA).iter_errors(values):
        if error.validator != "required":
            found += _invalid(error)
    wrong = {problem.name for problem in found}
    others = [
        *_options(values["ARGOCD_OPTS"]),
        *selector_problems(values),
        *preview.problems(values),
        *expectations_file.problems(values, PROPERTIES),
    ]
    # A value that is wrong by itself explains what is wrong with it together with others.
    found += [problem for problem in [*others, *_files(values)] if problem.name not in wrong]
    order = list(PROPERTIES)
    return sorted(found, key=lambda problem: order.index(problem.name))


def _missing(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[SettingProblem]:
    for name in SCHEMA["required"]:
        # A job that is to sign in with an ID token needs no stored token.
        if not values.get(name) and not (name == "ARGOCD_AUTH_TOKEN" and component_job.asks_identity(environ)):
            yield _missing_variable(name, environ)
    if not any(values.get(name) for name in _WHAT_TO_WAIT_FOR):
        yield SettingProblem(
            name="ARGOCD_APP_NAME",
            code="setting-missing",
            message="is not set",
            fix="set it to the application's name in Argo CD, or set <RELEASE_SELECTOR> or <RELEASE_PROJECT>",
        )


def _split(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[SettingProblem]:
    """Yield the problem of a share that no job, or each job, would take."""
    index, total = values.get("CI_NODE_INDEX"), values.get("CI_NODE_TOTAL")
    if values.get("RELEASE_SPLIT") is not True or not (isinstance(index, int) and isinstance(total, int)):
        return
    if index <= total and environ.get("CI_NODE_TOTAL"):
        return
    given = f"job {index} of {total}" if environ.get("CI_NODE_TOTAL") else "no CI_NODE_TOTAL"
    yield SettingProblem(
        name="RELEASE_SPLIT",
        code="setting-invalid",
        message=f"needs GitLab's parallel, which gives each job its share, but this is {given}",
        fix="add parallel to the job, or turn <RELEASE_SPLIT> off",
    )


def _missing_variable(name: str, environ: Mapping[str, str]) -> SettingProblem:
    """Return the problem of a CI/CD variable that the job does not have, with what can keep it away."""
    branch = one_line(environ.get("CI_COMMIT_REF_NAME", ""), limit=100)
    environment = one_line(environ.get("CI_ENVIRONMENT_NAME", ""), limit=100)
    scope = f"match {environment}" if environment else "be *, because this job has no environment"
    has_input = COMPONENT in environ and "x-input" in PROPERTIES[name]
    instead = f", or set <{name}>" if has_input else ""
    place = "Settings → CI/CD → Variables"
    if environ.get("CI_COMMIT_REF_PROTECTED") == "false":
        return SettingProblem(
            name=name,
            title=name,
            code="protected-variable",
            message=f"is not set: GitLab passes no protected variable to {branch or 'this branch'}, which is not "
            "protected",
            fix=f"clear “Protect variable” of {name} in {place}, or protect the branch{instead}; the variable's "
            f"environment scope must {scope}",
        )
    return SettingProblem(
        name=name,
        title=name,
        code="setting-missing",
        message="is not set",
        fix=f"add {name} in {place} of the group or project{instead}; if the variable already exists, its "
        f"environment scope must {scope}",
    )


def _invalid(error: "ValidationError") -> Iterator[SettingProblem]:
    name = str(error.path[0])
    declared = PROPERTIES[name]
    if name == server_address.NAME and (found := list(server_address.problems(str(error.instance)))):
        yield from found
        return
    given = str(error.instance)
    rule = _rule(error, declared)
    shown = f"{'; it is' if ';' in rule else ', not'} {one_line(given, limit=100)!r}"
    # The options can hold headers with secrets.
    message = rule if declared.get("x-secret") or name == "ARGOCD_OPTS" else f"{rule}{shown}"
    value = _meant(given, declared)
    fix = "" if value is not None else _instead(error, declared)
    yield SettingProblem(name=name, message=message, value=value, fix=fix)


def _rule(error: "ValidationError", declared: Mapping[str, Any]) -> str:
    limit = error.validator_value
    match error.validator:
        case "type" if declared["type"] == "boolean":
            return "must be true or false"
        case "type" if declared.get("x-unit") == "seconds":
            return "must be a number of seconds or a duration, such as 600 or 10m"
        case "type":
            return "must be a whole number"
        case "minimum":
            return f"must be at least {limit}"
        case "maximum":
            return f"must be at most {limit}"
        case "maxLength":
            return f"must have at most {limit} characters"
        case _:
            return str(declared.get("x-rule", "is not allowed"))


def _instead(error: "ValidationError", declared: Mapping[str, Any]) -> str:
    """Return the step that corrects a value of which nothing better is known."""
    if error.validator == "maxLength":
        return f"shorten it to {error.validator_value} characters"
    if declared["type"] == "boolean":
        return "set it to true or false"
    if declared["type"] == "integer":
        unit = "number of seconds" if declared.get("x-unit") == "seconds" else "whole number"
        limit = f" to {declared['maximum']}" if "maximum" in declared else " upwards"
        return f"set it to a {unit} from {declared['minimum']}{limit}"
    rule = str(declared.get("x-rule", ""))
    wanted = rule.removeprefix("must be ")
    return f"set it to {wanted}" if wanted != rule else f"correct it as `argocd-release explain {error.path[0]}` says"


def _meant(given: str, declared: Mapping[str, Any]) -> str | None:
    """Return the value that was probably meant, if the setting takes one of a few words."""
    if declared["type"] == "boolean":
        return _MEANT.get(given.lower()) or _nearest(given, ("true", "false"))
    if "enum" in declared:
        return _nearest(given, declared["enum"])
    if words := declared.get("x-words"):
        meant = [_nearest(word, words) for word in given.replace(",", " ").split()]
        return " ".join(filter(None, meant)) if meant and all(meant) else None
    return None


def _nearest(given: str, words: "tuple[str, ...] | list[str]") -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - most jobs have no such mistake

    return next(iter(get_close_matches(given[:_LONGEST_PATH].lower(), words, 1)), None)


def _options(given: str) -> Iterator[SettingProblem]:
    for rule, fix in options.problems(given):
        yield SettingProblem(name="ARGOCD_OPTS", message=f"is wrong: {rule}", fix=fix)


def _files(values: Mapping[str, Any]) -> Iterator[SettingProblem]:
    """Check the files that settings name, before Argo CD is asked anything."""
    authority = str(values.get("RELEASE_ARGOCD_CA", ""))
    if authority and _PEM not in authority:
        yield from _file("RELEASE_ARGOCD_CA", authority, option="")
    given = options.parse(str(values.get("ARGOCD_OPTS", "")))
    for option in _OPTIONS_WITH_FILES:
        # argocd itself says what is wrong with an option that has no value.
        if (path := given.get(option, "")) not in {"", "true"}:
            yield from _file("ARGOCD_OPTS", path, option=option)


def _file(name: str, path: str, *, option: str) -> Iterator[SettingProblem]:
    role = f"names a file with {option}" if option else "names a file"
    if not _looks_like_path(path):
        # The text can be a key that was pasted without its first line, so it is not shown.
        message = "is neither a certificate in PEM nor the path of a file"
        fix = "set it to the whole certificate, with its BEGIN and END lines, or to the path of a file that holds it"
        if option:
            fix = f"write the path of a file after {option}; for a variable of type File that is $NAME"
        yield SettingProblem(name=name, code="options-file" if option else "authority-file", message=message, fix=fix)
        return
    shown = one_line(path, limit=200)
    why = _unreadable(path)
    if why:
        fix = "check the path; for a variable of type File write $NAME, which is the path of GitLab's file"
        code = "options-file" if option else "authority-file"
        yield SettingProblem(name=name, code=code, message=f"{role} that {why}: {shown}", fix=fix)


def _looks_like_path(text: str) -> bool:
    is_marked = text.startswith(("/", "./", "../"))
    return len(text) <= _LONGEST_PATH and text.isprintable() and (is_marked or " " not in text)


def _unreadable(path: str) -> str:
    """Return why the file cannot be used as a certificate or key, or ``""`` if it can."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LONGEST_FILE)
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be read ({error.strerror or os.strerror(error.errno or 0)})"
    except ValueError:
        return "has no valid name"
    return "" if _PEM.encode() in content else "holds nothing in PEM"


NAME: Final = "RELEASE_SELECTOR"
_PART: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY: Final = rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_PART}"
_VALUE: Final = rf"(?:{_PART})?"
# Bounded, so that the pattern is done with any text at once.
_SPACE: Final = r"[ \t]{0,20}+"
_REQUIREMENT: Final = re.compile(
    rf"{_SPACE}(?:!{_SPACE}{_KEY}|{_KEY}(?:{_SPACE}(?:==?|!=){_SPACE}{_VALUE}|{_SPACE}[<>]{_SPACE}\d{{1,19}}+"
    rf"|[ \t]{_SPACE}(?:in|notin){_SPACE}\({_SPACE}{_VALUE}(?:{_SPACE},{_SPACE}{_VALUE}){{0,200}}+{_SPACE}\))?){_SPACE}"
)


def selector_problems(values: Mapping[str, Any]) -> Iterator[SettingProblem]:
    """Yield what is wrong with the selector, which Argo CD would refuse like a request without a token."""
    text, position = str(values[NAME]), 0
    while position < len(text):
        requirement = _REQUIREMENT.match(text, position)
        end = requirement.end() if requirement else position
        if requirement is None or text[end:] == "," or text[end : end + 1] not in {"", ","}:
            shown = one_line(text[position:], limit=60)
            yield SettingProblem(
                name=NAME,
                message=f"is not a label selector from {shown!r} on",
                fix="separate requirements by commas, as in `team=web,tier!=db,env in (dev,test),!legacy`",
            )
            return
        position = end + 1
