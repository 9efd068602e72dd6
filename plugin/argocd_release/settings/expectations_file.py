"""Read the file of expectations, which maps applications or patterns to a revision, image or chart version."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator

from argocd_release.core.text import as_object, counted, one_line
from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

NAME: Final = "RELEASE_EXPECTATIONS"
BYTES: Final = 1 << 20
# The fields in the file, each with the setting that it overrides.
FIELDS: Final[Mapping[str, str]] = {
    "revision": "RELEASE_REVISION",
    "revision_match": "RELEASE_REVISION_MATCH",
    "source": "RELEASE_SOURCE",
    "image": "RELEASE_IMAGE",
    "chart_version": "RELEASE_CHART_VERSION",
    "wait_for": "RELEASE_WAIT_FOR",
}
#: The maximum number of mistakes in the file that the job reports.
_TOLD: Final = 20
_OWN_NAMESPACE: Final = "argocd/"
_WILD: Final = re.compile(r"[*?\[]")
_PATTERN: Final = r"^([a-z0-9*?\[\]!-]+/)?[a-z0-9*?\[\]!.-]+$"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The content of the expectations file. ``rules`` maps names and patterns, in order, to values by field."""

    rules: Mapping[str, Mapping[str, str]]

    def of(self, name: str) -> Mapping[str, str]:
        """Return an application's expectations: those for its exact name or, without any, the first pattern."""
        # Applications in Argo CD's default namespace can be named with or without the namespace.
        for key in (name, f"{_OWN_NAMESPACE}{name}", name.removeprefix(_OWN_NAMESPACE)):
            if key in self.rules:
                return self.rules[key]
        return next((self.rules[pattern] for pattern in self._patterns if _fits(name, pattern)), {})

    @cached_property
    def _patterns(self) -> tuple[str, ...]:
        """Return the patterns, which are the keys with wildcards."""
        return tuple(name for name in self.rules if _WILD.search(name))

    def unmatched(self, names: Collection[str]) -> tuple[SetupProblem, ...]:
        """Return a problem for each name or pattern in the file that matches none of these applications."""
        applications = one_line(", ".join(sorted(names)), limit=200) or "none"
        plain_names, wild = frozenset(name.removeprefix(_OWN_NAMESPACE) for name in names), frozenset(self._patterns)
        unknown = [
            rule
            for rule in self.rules
            if rule.removeprefix(_OWN_NAMESPACE) not in plain_names
            and not (rule in wild and any(_fits(name, rule) for name in plain_names))
        ]
        return tuple(
            SetupProblem.of_setting(settings.EXPECTATIONS_UNMATCHED, NAME, rule=rule, applications=applications)
            for rule in unknown[:_TOLD]
        )

    @property
    def asks_revisions(self) -> bool:
        """Return True if the file contains a revision for any application."""
        return any("revision" in rule for rule in self.rules.values())


def read(path: str, properties: Mapping[str, Mapping[str, Any]]) -> tuple[Expected, tuple[str, ...]]:
    """Return the content of the file, and a message about each mistake. With mistakes, the content is empty.

    Args:
        path: the path of the file; "" if the settings name no file.
        properties: the settings by their names, as declared in the schema of the settings.

    """
    nothing, short_path = Expected(rules={}), one_line(path, limit=200)
    if not path:
        return nothing, ()
    try:
        with Path(path).open("rb") as file:
            content = file.read(BYTES + 1)
        if len(content) > BYTES:
            return nothing, (settings.EXPECTATIONS_TOO_LARGE.fill(path=short_path, megabytes=BYTES >> 20),)
        document = _parsed(content.decode("utf-8-sig"))
    except OSError as error:
        return nothing, (settings.EXPECTATIONS_UNREADABLE.fill(path=short_path, error=error.strerror),)
    except (ValueError, RecursionError) as error:
        return nothing, (settings.EXPECTATIONS_UNPARSED.fill(path=short_path, error=one_line(str(error), limit=200)),)
    errors = Draft202012Validator(schema(properties)).iter_errors(document)
    problems = tuple(_problem(error, properties) for error in islice(errors, _TOLD))
    problems += (
        (settings.EXPECTATIONS_MORE.fill(mistakes=counted(more, "more mistake")),)
        if (more := sum(1 for _ in errors))
        else ()
    )
    return (nothing, problems) if problems else (Expected(rules=document), ())


def schema(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the JSON schema of the file. The rules for a field are those of the setting that it overrides."""
    kept = ("type", "pattern", "enum", "maxLength", "description")
    fields = {
        field: {key: value for key, value in properties[setting].items() if key in kept} | {"minLength": 1}
        for field, setting in FIELDS.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": settings.EXPECTATIONS_TITLE,
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
    # Import yaml here, because most jobs have no file of expectations.
    import yaml  # noqa: PLC0415

    # The parser in C is ten times as fast as the one in Python.
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc] # one of two classes
        """A YAML loader that rejects duplicate keys, of which PyYAML would silently use the last."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - yaml's
            keys: set[Any] = set()
            for key_node, _ in node.value:
                if key_node.tag == "tag:yaml.org,2002:merge":
                    raise ValueError(settings.YAML_MERGE_KEY.fill())
                key = self.construct_object(key_node, deep=True)
                if key in keys:
                    raise ValueError(settings.YAML_DUPLICATE.fill(key=repr(key)))
                keys.add(key)
            made: dict[Any, Any] = super().construct_mapping(node, deep)
            return made

    try:
        for event in yaml.parse(text, base):
            if isinstance(event, yaml.AliasEvent):
                # Reject aliases, because a few hundred bytes of nested aliases can expand to gigabytes.
                raise ValueError(settings.YAML_ALIAS.fill(name=event.anchor))  # noqa: TRY004 - of the file
        document = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(re.sub(r"\s+", " ", str(error))) from error
    except TypeError as error:
        raise ValueError(settings.YAML_KEY.fill()) from error
    return _with_text_keys(document)


def _with_text_keys(document: Any) -> Any:
    """Convert all keys to text. YAML would otherwise read application names like ``1`` and ``yes`` as other types."""
    if not isinstance(document, dict):
        return document
    return {str(key): _with_text_keys(value) for key, value in document.items()}


def _problem(error: "ValidationError", properties: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a message about an error that the schema validation found, with the place of the error in the file."""
    path = [str(part) for part in error.path]
    place, fields = ".".join(path), ", ".join(FIELDS)
    value = repr(one_line(str(error.instance), limit=100))
    match error.validator:
        case "additionalProperties":
            unknown = ", ".join(sorted(set(as_object(error.instance)) - set(FIELDS)))
            return settings.FIELDS_UNKNOWN.fill(place=place, unknown=one_line(unknown, limit=100), fields=fields)
        case "type" if len(path) > 1:
            return settings.FIELD_TEXT.fill(place=place, value=value)
        case "type" | "minProperties":
            return settings.FIELDS_NONE.fill(place=place, fields=fields) if path else settings.NO_MAPPING.fill()
        case "pattern" if not path:
            return settings.NAME_INVALID.fill(name=value)
        case _:
            rule = properties[FIELDS[path[-1]]].get("x-rule", settings.RULES["other"])
            return settings.FIELD_INVALID.fill(place=place, rule=rule, value=value)
