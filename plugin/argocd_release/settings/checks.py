"""Check the settings against their schema, and against rules that a schema cannot express."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from argocd_release.argocd import connection
from argocd_release.core.text import nearest, one_line
from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem
from argocd_release.settings import environment, expectations_file, interpret
from argocd_release.settings.environment import COMPONENT, PROPERTIES, SCHEMA, JobEnvironment
from argocd_release.timing import SITE_PAUSE
from argocd_release.transport.urls import split_proxy

_WHAT_TO_WAIT_FOR: Final = ("ARGOCD_APP_NAME", "RELEASE_SELECTOR", "RELEASE_PROJECT")
_MEANT: Final = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
_OPTIONS_WITH_FILES: Final = ("--server-crt", "--client-crt", "--client-crt-key")
_PEM: Final = "-----BEGIN"
_LONGEST_PATH: Final = 255
_LONGEST_FILE: Final = 1 << 20


def problems(values: Mapping[str, Any], environ: JobEnvironment) -> list[SetupProblem]:
    """Return all problems of the settings, in the order of the schema.

    Args:
        values: the values of the settings by their names, converted to their types, and including defaults.
        environ: the environment of the job, which also contains variables of GitLab that are not settings.

    """
    setup_problems = [*_missing(values, environ), *environment.missing_identity(values, environ)]
    setup_problems += environment.token_file_problems(values)
    setup_problems += _split(values, environ)
    for error in Draft202012Validator(SCHEMA).iter_errors(values):
        if error.validator != "required":
            setup_problems += _invalid(error)
    wrong = {problem.subject for problem in setup_problems}
    expected, mistakes = expectations_file.read(values[expectations_file.NAME], PROPERTIES)
    others = [
        *_options(values["ARGOCD_OPTS"]),
        *_proxy_problems(values["RELEASE_PROXY"]),
        *selector_problems(values),
        *_time_problems(values),
        *_revert_problems(values),
        *(_resource_problems(values) if values["RELEASE_RESOURCES"] else ()),
        *interpret.preview_problems(values),
        *(SetupProblem.of_setting(settings.EXPECTATIONS, expectations_file.NAME, rule=rule) for rule in mistakes),
        *_revision_problems(values, expected.rules),
    ]
    # If a setting already has a problem, do not report further problems of it.
    setup_problems += [problem for problem in [*others, *_files(values)] if problem.subject not in wrong]
    order = list(PROPERTIES)
    return sorted(setup_problems, key=lambda problem: order.index(problem.subject))


def _missing(values: Mapping[str, Any], environ: JobEnvironment) -> Iterator[SetupProblem]:
    for name in SCHEMA["required"]:
        # A job that signs in with an ID token does not need a stored token.
        if not values.get(name) and not (name == "ARGOCD_AUTH_TOKEN" and environment.asks_identity(environ)):
            yield _missing_variable(name, environ)
    if not any(values.get(name) for name in _WHAT_TO_WAIT_FOR):
        yield SetupProblem.of_setting(settings.TARGETS_MISSING, "ARGOCD_APP_NAME")


def _split(values: Mapping[str, Any], environ: JobEnvironment) -> Iterator[SetupProblem]:
    """Yield a problem if the job shares the applications with parallel jobs, but has no valid number among them."""
    index, total = values.get("CI_NODE_INDEX"), values.get("CI_NODE_TOTAL")
    if values.get("RELEASE_SPLIT") is not True or not (isinstance(index, int) and isinstance(total, int)):
        return
    if index <= total and environ.get("CI_NODE_TOTAL"):
        return
    given = settings.JOB_OF.fill(index=index, total=total) if environ.get("CI_NODE_TOTAL") else settings.NO_TOTAL.fill()
    yield SetupProblem.of_setting(settings.SPLIT_WITHOUT_PARALLEL, "RELEASE_SPLIT", given=given)


def _missing_variable(name: str, environ: JobEnvironment) -> SetupProblem:
    """Return a problem that names a missing CI/CD variable, and the probable reason why it is missing."""
    branch = one_line(environ.get("CI_COMMIT_REF_NAME", ""), limit=100)
    environment = one_line(environ.get("CI_ENVIRONMENT_NAME", ""), limit=100)
    scope = settings.SCOPE_OF_ENVIRONMENT.fill(environment=environment) if environment else settings.SCOPE_OF_ALL.fill()
    has_input = COMPONENT in environ and "x-input" in PROPERTIES[name]
    instead = settings.OR_SETTING.fill(setting=f"<{name}>") if has_input else ""
    if environ.get("CI_COMMIT_REF_PROTECTED") == "false":
        branch = branch or settings.THIS_BRANCH.fill()
        return SetupProblem.of_setting(
            settings.VARIABLE_PROTECTED, name, name=name, branch=branch, instead=instead, scope=scope
        )
    return SetupProblem.of_setting(settings.VARIABLE_MISSING, name, name=name, instead=instead, scope=scope)


def _invalid(error: "ValidationError") -> Iterator[SetupProblem]:
    name = str(error.path[0])
    declared = PROPERTIES[name]
    if name == interpret.SERVER and (of_address := list(interpret.address_problems(str(error.instance)))):
        yield from of_address
        return
    given = str(error.instance)
    rule, value = _rule(error, declared), _meant(given, declared)
    is_secret = declared.get("x-secret") or name in environment.WITH_SECRETS
    entry = settings.SHOWN_AFTER_LIST if ";" in rule else settings.SHOWN
    yield SetupProblem.of_setting(
        settings.INVALID,
        name,
        rule=rule,
        shown="" if is_secret else entry.fill(value=repr(one_line(given, limit=100))),
        fix=settings.SET_TO.fill(setting=f"<{name}>", value=value) if value else _instead(error, declared),
    )


def _rule(error: "ValidationError", declared: Mapping[str, Any]) -> str:
    """Describe the rule that the value violates, such as ``must be true or false``."""
    keyword = str(error.validator)
    if keyword == "type":
        is_number = declared["type"] == "integer"
        keyword = "seconds" if is_number and declared.get("x-unit") == "seconds" else declared["type"]
    if keyword in settings.RULES:
        return settings.RULES[keyword].format(limit=error.validator_value)
    return str(declared.get("x-rule", settings.RULES["other"]))


def _instead(error: "ValidationError", declared: Mapping[str, Any]) -> str:
    """Return the fix for an invalid value if the job cannot guess which value the user meant."""
    if error.validator == "maxLength":
        return settings.SHORTEN.fill(limit=error.validator_value)
    if declared["type"] == "boolean":
        return settings.SET_TO_BOOLEAN.fill()
    if declared["type"] == "integer":
        number = settings.SET_TO_SECONDS if declared.get("x-unit") == "seconds" else settings.SET_TO_NUMBER
        return number.fill(range=_range(declared))
    rule = str(declared.get("x-rule", ""))
    wanted = rule.removeprefix("must be ")
    if wanted == rule:
        return settings.SEE_EXPLANATION.fill(name=error.path[0])
    return settings.SET_TO.fill(setting="it", value=wanted)


def _range(declared: Mapping[str, Any]) -> str:
    minimum = declared["minimum"]
    if "maximum" in declared:
        return settings.RANGE.fill(minimum=minimum, maximum=declared["maximum"])
    return settings.RANGE_UPWARDS.fill(minimum=minimum)


def _meant(given: str, declared: Mapping[str, Any]) -> str:
    """Guess which of the allowed words the user meant. Return "" if no word is similar, or if any text is allowed."""
    if declared["type"] == "boolean":
        return _MEANT.get(given.lower()) or nearest(given.lower(), ("true", "false"))
    if "enum" in declared:
        return nearest(given.lower(), declared["enum"])
    if words := declared.get("x-words"):
        meant = [nearest(word.lower(), words) for word in given.replace(",", " ").split()]
        return " ".join(meant) if all(meant) else ""
    return ""


def _options(given: str) -> Iterator[SetupProblem]:
    for entry, words in connection.option_problems(given):
        yield SetupProblem.of_setting(entry, "ARGOCD_OPTS", **words)


def _proxy_problems(url: str) -> Iterator[SetupProblem]:
    """Yield a problem if the URL of the proxy matches the pattern, but has an invalid host or port."""
    rule = PROPERTIES["RELEASE_PROXY"]["x-rule"]
    try:
        if url:
            split_proxy(url)
    except OSError:
        fix = settings.SET_TO.fill(setting="it", value=rule.removeprefix("must be "))
        yield SetupProblem.of_setting(settings.INVALID, "RELEASE_PROXY", rule=rule, shown="", fix=fix)


def _files(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem for each certificate or key file in the settings that the job cannot use."""
    authority = str(values.get("RELEASE_ARGOCD_CA", ""))
    if authority and _PEM not in authority:
        yield from _file("RELEASE_ARGOCD_CA", authority, option="")
    given = connection.parse_options(str(values.get("ARGOCD_OPTS", "")))
    for option in _OPTIONS_WITH_FILES:
        # Skip an option without a value, because argocd itself reports the missing value.
        if (path := given.get(option, "")) not in {"", "true"}:
            yield from _file("ARGOCD_OPTS", path, option=option)


def _file(name: str, path: str, *, option: str) -> Iterator[SetupProblem]:
    words = {"option": option} if option else {}
    if not _looks_like_path(path):
        # Do not print the value: it can be a private key that the user has pasted without its first line.
        yield SetupProblem.of_setting(settings.OPTION_NO_FILE if option else settings.AUTHORITY_NO_FILE, name, **words)
    elif reason := _unreadable(path):
        entry = settings.OPTIONS_FILE if option else settings.AUTHORITY_FILE
        yield SetupProblem.of_setting(entry, name, reason=reason, path=one_line(path, limit=200), **words)


def _looks_like_path(text: str) -> bool:
    is_marked = text.startswith(("/", "./", "../"))
    return len(text) <= _LONGEST_PATH and text.isprintable() and (is_marked or " " not in text)


def _unreadable(path: str) -> str:
    """Return the reason why the file is not a readable certificate or key, or ``""`` if there is no problem."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LONGEST_FILE)
    except FileNotFoundError:
        return settings.FILE_MISSING.fill()
    except OSError as error:
        return settings.FILE_UNREADABLE.fill(error=error.strerror or os.strerror(error.errno or 0))
    except ValueError:
        return settings.FILE_NAME_INVALID.fill()
    return "" if _PEM.encode() in content else settings.FILE_WITHOUT_PEM.fill()


def _time_problems(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem for each setting that needs more time than the timeout, or a grace period that is 0 s."""
    timeout, name = values["RELEASE_TIMEOUT"], "RELEASE_STABLE_FOR"
    stable_for, threshold = values[name], values["RELEASE_URL_SUCCESS_THRESHOLD"]
    if _exceeds(stable_for, timeout):
        yield SetupProblem.of_setting(settings.STABLE_TOO_LONG, name, given=stable_for, timeout=timeout)
    seconds = (threshold - 1) * SITE_PAUSE if isinstance(threshold, int) else 0
    if seconds and _exceeds(seconds, timeout):
        words = {"given": threshold, "seconds": f"{seconds:.0f}", "timeout": timeout}
        yield SetupProblem.of_setting(settings.THRESHOLD_TOO_HIGH, "RELEASE_URL_SUCCESS_THRESHOLD", **words)
    if values["RELEASE_TERMINATE_OLD_SYNC"] is True and values["RELEASE_STUCK_GRACE"] == 0:
        yield SetupProblem.of_setting(settings.NEVER_STUCK, "RELEASE_TERMINATE_OLD_SYNC")


def _exceeds(seconds: object, limit: object) -> bool:
    """Return True if the setting takes up the whole limit. Another check reports values of a wrong type."""
    return isinstance(seconds, int | float) and isinstance(limit, int) and seconds >= limit and seconds > 0


def _revert_problems(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem if the job must revert in another project, but no setting names the commit to revert."""
    name = "RELEASE_REVERT_PROJECT"
    project, own = str(values[name]), {str(values.get("CI_PROJECT_ID", "")), str(values.get("CI_PROJECT_PATH", ""))}
    if not (values["RELEASE_REVERT"] and project and any(own)) or values["RELEASE_EXPECTATIONS"]:
        return
    if not values["RELEASE_REVISION"] and project.lower() not in {text.lower() for text in own}:
        yield SetupProblem.of_setting(settings.REVERT_ELSEWHERE, name)


def _revision_problems(values: Mapping[str, Any], rules: Mapping[str, Mapping[str, str]]) -> Iterator[SetupProblem]:
    """Yield a problem for each setting that describes an expected revision, if no setting names a revision.

    The usual reason is an empty variable of an earlier job. Without this check, every revision would then count as
    delivered.

    Args:
        values: the values of the settings by their names.
        rules: the rules in the file of expectations.
    """
    for name, entry, versions in (
        ("RELEASE_REVISION_MATCH", settings.EXACT_WITHOUT_REVISION, ("RELEASE_REVISION",)),
        ("RELEASE_SOURCE", settings.SOURCE_WITHOUT_REVISION, ("RELEASE_REVISION", "RELEASE_CHART_VERSION")),
    ):
        fields = [field for field, setting in expectations_file.FIELDS.items() if setting in versions]
        if any(values[version] for version in versions):
            continue
        if _restricts(values[name]) and not any(field in rule for rule in rules.values() for field in fields):
            yield SetupProblem.of_setting(entry, name)
        own = next(field for field, setting in expectations_file.FIELDS.items() if setting == name)
        for application, rule in rules.items():
            if _restricts(rule.get(own, "")) and not any(field in rule for field in fields):
                place = settings.FIELD_WITHOUT_REVISION.fill(place=f"{application}.{own}", needed=" or ".join(fields))
                yield SetupProblem.of_setting(settings.EXPECTATIONS, expectations_file.NAME, rule=place)


def _restricts(value: str) -> bool:
    return value not in {"", "contained"}


def _resource_problems(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem for each malformed pattern of resources, with a pattern that the user probably meant."""
    # Most jobs have no such patterns, and do not need this module.
    from argocd_release.verdict.chosen_resources import ResourcePattern, meant_pattern  # noqa: PLC0415

    name = "RELEASE_RESOURCES"
    texts = re.split(r"[\s,]++", str(values[name]).strip(" ,"))
    for text in dict.fromkeys(texts):
        if ResourcePattern.parse(text) is None:
            part = repr(one_line(text, limit=100))
            yield SetupProblem.of_setting(settings.RESOURCES, name, part=part, example=meant_pattern(text))


NAME: Final = "RELEASE_SELECTOR"
_PART: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY: Final = rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_PART}"
_VALUE: Final = rf"(?:{_PART})?"
# The repetition is bounded and possessive, so that no text can make the pattern slow.
_SPACE: Final = r"[ \t]{0,20}+"
_REQUIREMENT: Final = re.compile(
    rf"{_SPACE}(?:!{_SPACE}{_KEY}|{_KEY}(?:{_SPACE}(?:==?|!=){_SPACE}{_VALUE}|{_SPACE}[<>]{_SPACE}\d{{1,19}}+"
    rf"|[ \t]{_SPACE}(?:in|notin){_SPACE}\({_SPACE}{_VALUE}(?:{_SPACE},{_SPACE}{_VALUE}){{0,200}}+{_SPACE}\))?){_SPACE}"
)


def selector_problems(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem if the label selector is malformed.

    The job must check the selector itself: Argo CD gives the same response to a malformed selector as to a missing
    token.
    """
    text, position = str(values[NAME]), 0
    while position < len(text):
        requirement = _REQUIREMENT.match(text, position)
        end = requirement.end() if requirement else position
        if requirement is None or text[end:] == "," or text[end : end + 1] not in {"", ","}:
            rest = one_line(text[position:], limit=60)
            yield SetupProblem.of_setting(settings.SELECTOR, NAME, part=repr(rest))
            return
        position = end + 1
