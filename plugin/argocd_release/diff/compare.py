"""Turn the output of ``argocd app diff`` into the changes of an application, and warn of dangerous ones. Pure.

The output contains whole documents, because argocd calls ``diff`` with unlimited context
(``argocd_release.argocd.cli``). So this module can take the context of a change, and both the live and the new
document, from the output.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

import yaml

from argocd_release.core.redaction import DocumentLine
from argocd_release.core.text import (
    as_line,
    as_list,
    as_object,
    as_objects,
    as_text,
    clean,
    counted,
    one_line,
    parse_json,
)
from argocd_release.diff.dangers import Action, dangers
from argocd_release.diff.hidden_values import Line, has_embedded_secret, without_secrets
from argocd_release.messages import diff as texts
from argocd_release.model.application import Application
from argocd_release.model.outcome import Outcome, aggregate
from argocd_release.model.problem import Problem, ResourceRef

#: The number of unchanged lines that are shown before and after a changed line.
CONTEXT: Final = 3
#: The maximum number of lines that the result keeps for the change of one resource.
LINES: Final = 5000
#: The maximum number of changes for which the result keeps the lines, in each application. It only names the others.
DETAILED: Final = 300
_HEADER: Final = re.compile(r"===== ([^/ ]*)/([^ /]+) ([^/ ]*)/([^ ]+) ======")


class State(Enum):
    """The way a comparison ended: the job compared the application, skipped it, or failed to compare it."""

    COMPARED = "compared"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """The change of one resource.

    Attributes:
        lines: the changed lines with their context, as in a unified diff.
        dangers: the warnings about this change.
        cut: the number of lines that were removed from the end because the change is too long.
    """

    ref: ResourceRef
    action: Action
    lines: tuple[str, ...] = ()
    dangers: tuple[str, ...] = ()
    cut: int = 0

    @property
    def title(self) -> str:
        """Return the identity of the resource in one line."""
        group = f".{self.ref.group}" if self.ref.group else ""
        return f"{self.ref.kind}{group} {'/'.join(filter(None, (self.ref.namespace, self.ref.name)))}"


@dataclass(frozen=True, kw_only=True)
class ApplicationDiff:
    """The result of comparing one application with the merge request's commit.

    Attributes:
        problem: the reason why the comparison failed, or None.
        reason: the reason why the application was skipped.
        outcome: the outcome that a failed comparison leads to, otherwise None.
        secrets: the number of Secrets whose values can differ unnoticed, because Argo CD does not show them.
        notes: remarks for the reader of the result, for example that the live state already differed.
        sync: the sync policy of the application in words.
    """

    name: str
    state: State
    reason: str = ""
    problem: Problem | None = None
    outcome: Outcome | None = None
    changes: tuple[ResourceChange, ...] = ()
    unchanged: int = 0
    secrets: int = 0
    notes: tuple[str, ...] = ()
    sync: str = ""
    url: str = ""
    seconds: float = 0.0

    def count(self, action: Action) -> int:
        """Return the number of this application's resources that the merge request changes by this action."""
        return sum(change.action is action for change in self.changes)

    @property
    def dangers(self) -> tuple[str, ...]:
        """Return the warnings about all changes."""
        return tuple(danger for change in self.changes for danger in change.dangers)


@dataclass(frozen=True, kw_only=True)
class DiffResult:
    """The result of a diff job with all of its applications."""

    outcome: Outcome
    reason: str
    hint: str = ""
    applications: tuple[ApplicationDiff, ...] = ()
    revision: str = ""
    job_name: str = ""
    job_url: str = ""
    #: The address of the complete diff among the job's artifacts, or an empty string.
    full_url: str = ""

    def of(self, state: State) -> tuple[ApplicationDiff, ...]:
        """Return the applications whose comparison ended in this state."""
        return tuple(application for application in self.applications if application.state is state)

    def count(self, action: Action) -> int:
        """Return the number of resources, in all applications, that the merge request changes by this action."""
        return sum(application.count(action) for application in self.applications)

    @property
    def dangers(self) -> int:
        """Return the number of warnings about dangerous changes in all applications."""
        return sum(len(application.dangers) for application in self.applications)


def verdict(applications: Sequence[ApplicationDiff], fail_on: str) -> tuple[Outcome, str, str]:
    """Return the outcome of the job with its reason and its hint.

    Args:
        applications: the results of all applications.
        fail_on: ``difference`` to fail the job on every change, ``dangerous`` to fail it only on changes with a
            warning, ``never`` to fail it on no change.
    """
    failed = [application for application in applications if application.state is State.FAILED]
    if failed:
        outcome = aggregate(application.outcome for application in failed if application.outcome is not None)
        first = next(application for application in failed if application.outcome is outcome)
        message, hint = (first.problem.message, first.problem.hint) if first.problem else ("", "")
        return outcome, texts.FAILED.fill(application=first.name, message=message), hint
    changed = [application for application in applications if application.changes]
    dangers = sum(len(application.dangers) for application in applications)
    if fail_on == "dangerous" and dangers:
        return (
            Outcome.DIFFERENT,
            texts.GATE_DANGEROUS.fill(changes=counted(dangers, "dangerous change")),
            texts.GATE_DANGEROUS.fill_hint(),
        )
    if fail_on == "difference" and changed:
        names = ", ".join(application.name for application in changed[:10])
        return Outcome.DIFFERENT, texts.GATE_DIFFERENCE.fill(names=names), texts.GATE_DIFFERENCE.fill_hint()
    return Outcome.DELIVERED, "", ""


def changes_of(output: str, application: Application) -> tuple[ResourceChange, ...]:
    """Return the changes in the output of ``argocd app diff``, ordered by their resources.

    Args:
        output: the output of the command.
        application: the application, whose sync policy says whether Argo CD prunes.
    """
    changes = [_change(ref, lines, application) for ref, lines in documents(output)]
    changes.sort(key=lambda change: change.ref)
    return tuple(change if number < DETAILED else _named_only(change) for number, change in enumerate(changes))


def _named_only(change: ResourceChange) -> ResourceChange:
    return replace(change, lines=(), cut=len(change.lines) + change.cut)


def documents(output: str) -> Iterator[tuple[ResourceRef, list[Line]]]:
    """Yield each resource in the output, with the lines of its live and its new document in one sequence."""
    ref: ResourceRef | None = None
    lines: list[Line] = []
    in_body = False
    for line in output.split("\n"):
        # A header begins with "=". No line of a document does: each begins with " ", "+" or "-".
        if header := _HEADER.fullmatch(line):
            if ref is not None:
                yield ref, lines
            ref, lines, in_body = ResourceRef(*map(one_line, header.groups())), [], False
        elif in_body and line[:1] in {" ", "+", "-"}:
            lines.append((line[0], clean(line[1:])))
        elif line.startswith("@@ "):
            in_body = True
    if ref is not None:
        yield ref, lines


def _change(ref: ResourceRef, lines: Sequence[Line], application: Application) -> ResourceChange:
    live, new = (_document(lines, other) for other in "+-")
    has_live, has_new = (any(sign != other for sign, _ in lines) for other in "+-")
    action = Action.CHANGED if has_live == has_new else Action.REMOVED if has_live else Action.ADDED
    without_noise = _without_noise(lines)
    shown = without_noise if any(sign != " " for sign, _ in without_noise) else lines
    has_secret = has_embedded_secret(lines, live, new)
    hunks = list(_hunks(without_secrets(shown, embeds_secret=has_secret)))
    # If the document contains no Secret, its lines can show the values of fields ``data``.
    kind = str if has_secret else DocumentLine
    return ResourceChange(
        ref=ref,
        action=action,
        lines=tuple(map(kind, hunks[:LINES])),
        cut=max(len(hunks) - LINES, 0),
        dangers=tuple(dangers(ref, action, live, new, application)),
    )


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A YAML loader that reads dates, ``<<`` and ``=`` as plain text, because Kubernetes has no such types."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in {"timestamp", "merge", "value"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _document(lines: Iterable[Line], other: str) -> dict[str, Any]:
    """Parse one of the two documents, leaving out the lines marked ``other``. Return {} if it is not valid YAML."""
    try:
        return as_object(yaml.load("\n".join(text for sign, text in lines if sign != other), Loader=_Loader))  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}


# Fields that the cluster sets, so that no commit can change them. argocd indents YAML by two spaces.
_NOISE: Final = re.compile(
    r"status:|  (?:managedFields|resourceVersion|uid|generation|creationTimestamp|selfLink):"
    r"|    kubectl\.kubernetes\.io/last-applied-configuration:"
)


def _without_noise(lines: Sequence[Line]) -> list[Line]:
    """Return the lines without the fields that the cluster sets in the metadata, and without the status."""
    kept: list[Line] = []
    section, skipped = "", -1
    for sign, text in lines:
        indent = len(text) - len(text.lstrip(" "))
        # List items can have the same indent as the key of the list. Skip them together with the key.
        if skipped >= 0 and (
            indent > skipped or not text.strip() or (indent == skipped and text.lstrip().startswith("- "))
        ):
            continue
        skipped = -1
        if indent == 0 and text:
            section = text
        if _NOISE.match(text) and (section.startswith("metadata:") or indent == 0):
            skipped = indent
            continue
        if kept and kept[-1][1] == "  annotations:" and indent <= 2 and text.strip():  # noqa: PLR2004
            # All annotations were left out, so remove their key as well.
            kept.pop()
        kept.append((sign, text))
    return kept


def _hunks(lines: Sequence[Line]) -> Iterator[str]:
    """Yield blocks of changed lines with their context. Before each, yield the path of its first changed line."""
    shown: set[int] = set()
    for number, (sign, _) in enumerate(lines):
        if sign != " ":
            shown.update(range(max(number - CONTEXT, 0), min(number + CONTEXT + 1, len(lines))))
    paths = list(_paths(lines))
    last = -1
    for number in sorted(shown):
        if number and last != number - 1:
            changed = next(at for at in range(number, len(lines)) if lines[at][0] != " ")
            yield f"@@ {paths[changed] or '…'} @@"
        sign, text = lines[number]
        yield f"{sign}{text}"
        last = number


def _paths(lines: Iterable[Line]) -> Iterator[str]:
    """Yield, for each line, the path of the mapping or list that contains it, such as ``spec.template``."""
    parents: list[tuple[int, str]] = []
    for _, text in lines:
        indent = len(text) - len(text.lstrip(" "))
        is_item = text.lstrip(" ").startswith("- ")
        # The items of a list can have the same indent as the key of the list.
        parents = [parent for parent in parents if parent[0] < indent + is_item]
        yield ".".join(key for _, key in parents)
        if (key := text.strip().removeprefix("- ").partition(":")[0]) and text.rstrip().endswith(":"):
            parents.append((indent + (2 if is_item else 0), one_line(key, limit=60)))


def secret_changes(
    live: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], namespace: str, application: Application
) -> tuple[ResourceChange, ...]:
    """Return the changes of Secrets. They name the keys that were added or removed, but contain no values.

    Args:
        live: the Secrets in the cluster. Argo CD has masked their values.
        new: the Secrets of the merge request's commit. Argo CD has masked their values.
        namespace: the namespace of a Secret whose manifest contains no namespace.
        application: the application, whose sync policy says whether Argo CD prunes.
    """
    before = {_secret_ref(document, namespace): document for document in live}
    homes = {ref.name: ref.namespace for ref in before}
    after = {_secret_ref(document, homes.get(_name(document), namespace)): document for document in new}
    changes = []
    for ref in sorted({*before, *after}):
        old, young = before.get(ref), after.get(ref)
        parts = sorted(_parts(old) ^ _parts(young))
        if old is not None and young is not None and not parts:
            continue
        action = Action.ADDED if old is None else Action.REMOVED if young is None else Action.CHANGED
        lines = tuple(f"{'-' if part in _parts(old) else '+'}{part}" for part in parts)
        changes.append(
            ResourceChange(
                ref=ref,
                action=action,
                lines=lines,
                dangers=tuple(dangers(ref, action, old or {}, young or {}, application)),
            )
        )
    return tuple(changes)


def _name(document: Mapping[str, Any]) -> str:
    return as_line(as_object(document.get("metadata")).get("name"))


def _secret_ref(document: Mapping[str, Any], namespace: str) -> ResourceRef:
    metadata = as_object(document.get("metadata"))
    return ResourceRef("", "Secret", as_line(metadata.get("namespace")) or namespace, _name(document))


def _parts(document: Mapping[str, Any] | None) -> set[str]:
    """Return the comparable parts of a Secret: its type and the names of its keys."""
    if document is None:
        return set()
    keys = [*as_object(document.get("data")), *as_object(document.get("stringData"))]
    kind = as_text(document.get("type")) or "Opaque"
    return {texts.SECRET_KEY.fill(key=one_line(key, limit=253)) for key in keys} | {texts.SECRET_TYPE.fill(type=kind)}


def secret_documents(answer: object, field_name: str) -> list[dict[str, Any]]:
    """Return the Secrets in a response of Argo CD's API. The response contains each document as JSON text.

    Args:
        answer: the response of ``/manifests`` or ``/managed-resources``.
        field_name: the field of each item that contains the document; "" if each item is a document itself.
    """
    body = as_object(answer)
    items = (
        [item.get(field_name) for item in as_objects(body.get("items"))]
        if field_name
        else as_list(body.get("manifests"))
    )
    documents = []
    for item in items:
        try:
            document = as_object(parse_json(item)) if isinstance(item, str) else {}
        except ValueError:
            continue
        if document.get("kind") == "Secret" and document.get("apiVersion") == "v1":
            documents.append(document)
    return documents
