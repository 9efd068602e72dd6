"""The file of expectations: by an application's name, or a pattern of names, what it is to run."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator

from argocd_release.core.text import one_line
from argocd_release.core.untrusted_json import as_object
from argocd_release.model.errors import SettingProblem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

NAME: Final = "RELEASE_EXPECTATIONS"
BYTES: Final = 1 << 20
# What may stand in the file, by the setting that says the same of every application.
FIELDS: Final[Mapping[str, str]] = {
    "revision": "RELEASE_REVISION",
    "revision_match": "RELEASE_REVISION_MATCH",
    "source": "RELEASE_SOURCE",
    "image": "RELEASE_IMAGE",
    "chart_version": "RELEASE_CHART_VERSION",
    "wait_for": "RELEASE_WAIT_FOR",
}
#: So many mistakes of a kind are told.
_TOLD: Final = 20
_OWN_NAMESPACE: Final = "argocd/"
_WILD: Final = re.compile(r"[*?\[]")
_PATTERN: Final = r"^([a-z0-9*?\[\]!-]+/)?[a-z0-9*?\[\]!.-]+$"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the file says: patterns in its order, each with fields of the settings and their values."""

    rules: Mapping[str, Mapping[str, str]]

    def of(self, name: str) -> Mapping[str, str]:
        """Return what is expected of the application beyond the settings: its name wins, then the first pattern."""
        # A name alone is one in Argo CD's own namespace, which can be written in front.
        for key in (name, f"{_OWN_NAMESPACE}{name}", name.removeprefix(_OWN_NAMESPACE)):
            if key in self.rules:
                return self.rules[key]
        return next((self.rules[pattern] for pattern in self._patterns if _fits(name, pattern)), {})

    @cached_property
    def _patterns(self) -> tuple[str, ...]:
        """The rules for several names. All others are names, which need no search."""
        return tuple(name for name in self.rules if _WILD.search(name))

    def unmatched(self, names: Collection[str]) -> tuple[SettingProblem, ...]:
        """Return the patterns that match none of the applications, once those are known."""
        applications = one_line(", ".join(sorted(names)), limit=200) or "none"
        known, wild = frozenset(name.removeprefix(_OWN_NAMESPACE) for name in names), frozenset(self._patterns)
        unknown_variables = [
            rule
            for rule in self.rules
            if rule.removeprefix(_OWN_NAMESPACE) not in known
            and not (rule in wild and any(_fits(name, rule) for name in known))
        ]
        return tuple(
            SettingProblem(
                name=NAME,
                title=f"<{NAME}>",
                message=f"names {rule}, which is no application of this release: {applications}",
                fix=f"correct the name {rule} in the file, or add the application to this release",
            )
            for rule in unknown_variables[:_TOLD]
        )

    @property
    def asks_revisions(self) -> bool:
        return any("revision" in rule for rule in self.rules.values())


def read(path: str, properties: Mapping[str, Mapping[str, Any]]) -> tuple[Expected, tuple[str, ...]]:
    """What the file says, and all that is wrong with it; ``properties``: those of the settings' schema."""
    nothing, shown = Expected(rules={}), one_line(path, limit=200)
    if not path:
        return nothing, ()
    try:
        with Path(path).open("rb") as file:
            content = file.read(BYTES + 1)
        if len(content) > BYTES:
            return nothing, (f"{shown} is larger than {BYTES >> 20} MB",)
        document = _parsed(content.decode("utf-8-sig"))
    except OSError as error:
        return nothing, (f"{shown} cannot be read: {error.strerror}. Is it an artifact of a job before?",)
    except (ValueError, RecursionError) as error:
        return nothing, (f"{shown} cannot be read as YAML or JSON: {one_line(str(error), limit=200)}",)
    errors = Draft202012Validator(schema(properties)).iter_errors(document)
    problems = tuple(_problem(error, properties) for error in islice(errors, _TOLD))
    problems += (f"{more} more",) if (more := sum(1 for _ in errors)) else ()
    return (nothing, problems) if problems else (Expected(rules=document), ())


def schema(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The schema of the file, made of that of the settings."""
    kept = ("type", "pattern", "enum", "maxLength", "description")
    fields = {
        field: {key: value for key, value in properties[setting].items() if key in kept} | {"minLength": 1}
        for field, setting in FIELDS.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Expectations by application",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": _PATTERN},
        "additionalProperties": {
            "type": "object",
            "minProperties": 1,
            "properties": fields,
            "additionalProperties": False,
        },
    }


def _fits(name: str, pattern: str) -> bool:
    name, plain = name.removeprefix(_OWN_NAMESPACE), pattern.removeprefix(_OWN_NAMESPACE)
    if plain != pattern and "/" in name:
        return False
    return fnmatchcase(name, plain)


def _parsed(text: str) -> Any:
    # Most runs have no such file.
    import yaml  # noqa: PLC0415

    # The parser in C takes a tenth of the time of the one in Python.
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc] # one of two classes
        """Refuses a key that is there twice; YAML takes the last without a word."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - yaml's
            keys: set[Any] = set()
            for key_node, _ in node.value:
                if key_node.tag == "tag:yaml.org,2002:merge":
                    raise ValueError("the merge key << is not supported: repeat the fields below each application")
                key = self.construct_object(key_node, deep=True)
                if key in keys:
                    raise ValueError(f"{key!r} stands there more than once")
                keys.add(key)
            made: dict[Any, Any] = super().construct_mapping(node, deep)
            return made

    try:
        for event in yaml.parse(text, base):
            if isinstance(event, yaml.AliasEvent):
                # A few hundred bytes of nested aliases stand for gigabytes.
                raise ValueError(f"the alias *{event.anchor} is not allowed: write the value there")  # noqa: TRY004 - of the file
        document = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(re.sub(r"\s+", " ", str(error))) from error
    except TypeError as error:
        raise ValueError("a key is a list or a mapping, not a name") from error
    return _with_text_keys(document)


def _with_text_keys(document: Any) -> Any:
    """YAML reads ``1`` and ``yes`` as no text, and a schema may only speak of names that are."""
    if not isinstance(document, dict):
        return document
    return {str(key): _with_text_keys(value) for key, value in document.items()}


def _problem(error: "ValidationError", properties: Mapping[str, Mapping[str, Any]]) -> str:
    at = [str(part) for part in error.path]
    shown = repr(one_line(str(error.instance), limit=100))
    where = "".join(f"{part}: " for part in at)
    return f"{where}{_rule(error, at, shown, properties)}"


def _rule(error: "ValidationError", at: list[str], shown: str, properties: Mapping[str, Mapping[str, Any]]) -> str:
    fields = ", ".join(FIELDS)
    match error.validator:
        case "additionalProperties":
            unknown_variables = ", ".join(sorted(set(as_object(error.instance)) - set(FIELDS)))
            return f"{one_line(unknown_variables, limit=100)} is unknown; there are {fields}"
        case "type" if len(at) > 1:
            return f"must be a text, not {shown}: put it in quotes"
        case "type" | "minProperties":
            return f"must name at least one of {fields}" if at else "must be a list of applications, each by its name"
        case "pattern" if not at:
            return f"{shown} is no application's name or pattern"
        case _:
            return f"{shown} {properties[FIELDS[at[-1]]].get('x-rule', 'is not allowed')}"


def problems(values: Mapping[str, Any], properties: Mapping[str, Mapping[str, Any]]) -> Iterator[SettingProblem]:
    """Return the mistakes in the file that the settings name."""
    for rule in read(values[NAME], properties)[1]:
        fix = "correct the file that <RELEASE_EXPECTATIONS> names"
        yield SettingProblem(name=NAME, message=f"is wrong: {rule}", fix=fix)
