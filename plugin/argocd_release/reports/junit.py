"""Render the JUnit report in the form that GitLab's parser reads (lib/gitlab/ci/parsers/test/junit.rb).

GitLab shows only the text of an element, so the text contains the evidence. GitLab compares pipelines by the names of
suites, classes and cases, so these names contain no revision, time or count. No case has a file, because
GitLab would offer to copy its path as that of a failed test.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from argocd_release.messages import reports as texts
from argocd_release.model.application import Application, HealthStatus, OperationPhase, Resource, SyncStatus
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode, Problem
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.reports.evidence import facts, story
from argocd_release.reports.summary import overview

if TYPE_CHECKING:
    from xml.etree.ElementTree import TreeBuilder

SUITE: Final = "argocd-release"


def render(result: ReleaseResult) -> str:
    """Return the report as an XML document."""
    # Import this module only now, because importing it at the start would delay the first look.
    from xml.etree import ElementTree as ET  # noqa: PLC0415

    builder = ET.TreeBuilder()
    with _element(builder, "testsuites"):
        for application in result.applications:
            # Each application of a group needs its own suite. A single application has a suite with a fixed name,
            # because GitLab compares pipelines by that name.
            title = f"{SUITE}: {application.name}" if result.several or not result.only else SUITE
            with _element(builder, "testsuite", name=title):
                _add_cases(builder, application, result)
        if not result.is_theirs:
            with _element(builder, "testsuite", name=SUITE):
                tag = "failure" if result.outcome.is_failure else "error"
                _add_case(builder, SUITE, texts.ALL_RELEASED, {tag: overview(result)})
    suites = builder.close()
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


@contextmanager
def _element(builder: "TreeBuilder", tag: str, **attributes: str) -> Iterator[None]:
    """Open an XML element for the duration of the context. Elements that the context adds become its content."""
    builder.start(tag, attributes)
    yield
    builder.end(tag)


def _add_case(
    builder: "TreeBuilder", classname: str, name: str, children: Mapping[str, str], **attributes: str
) -> None:
    """Add a test case. ``children`` maps the tag of each child element to its text."""
    with _element(builder, "testcase", classname=classname, name=name, **attributes):
        for tag, text in children.items():
            with _element(builder, tag):
                builder.data(text)


def _add_cases(builder: "TreeBuilder", result: ApplicationResult, of: ReleaseResult) -> None:
    classname = result.name or SUITE
    attributes = {"time": f"{result.seconds:.3f}"}
    if result.outcome is Outcome.DELIVERED:
        children = {"system-out": facts(result)}
    else:
        # In JUnit's terms, a failure is a failed release, and an error is a job that could not determine the result.
        children = {"failure" if result.outcome.is_failure else "error": story(result)}
        if of.attachment:
            children["system-out"] = f"[[ATTACHMENT|{of.attachment}]]"
    title = texts.RELEASED.fill(application=result.name or texts.THE_APPLICATION)
    _add_case(builder, classname, title, children, **attributes)
    judged = result.outcome is Outcome.DELIVERED or result.outcome.is_failure
    for name, text in _facts(result):
        # A failed release must count as one failed test, so each of its deviations is a skipped test.
        skipped = text if judged else texts.CASE_STATUS_UNKNOWN.fill(text=text)
        _add_case(builder, classname, name, {"skipped": skipped} if text else {})


def _facts(result: ApplicationResult) -> Iterator[tuple[str, str]]:
    """Yield each test case: its name, and a text on how it deviates from the desired state, or ""."""
    application = result.application
    if application is None:
        for name in ("sync", "operation", "health"):
            yield name, texts.NO_RESPONSE
        return
    yield "sync", _sync(application)
    yield "operation", _operation(application)
    yield "health", _health(application.health, application.health_message)
    named: set[str] = set()
    cause = result.cause
    for resource in application.resources:
        name = _resource_name(resource)
        if name not in named and not resource.hook:
            named.add(name)
            text = _resource(resource)
            # Show the cause in the test case of the resource to which it belongs, because people look for it there.
            yield name, f"{cause}\n{text}" if text and cause and _explains(cause, resource) else text
    if unlisted := {state: count for state, count in result.unlisted.resources.items() if not state.hook}:
        deviating = sum(count for state, count in unlisted.items() if state.deviates)
        deviates = texts.UNLISTED_DEVIATING.fill(count=sum(unlisted.values()), deviating=deviating)
        yield texts.UNLISTED, deviates if deviating else ""


def _explains(cause: Problem, resource: Resource) -> bool:
    """Return True if the cause, other than UNHEALTHY, is about this resource or an object that it created."""
    of_it = cause.subject is not None and cause.subject.root == resource.ref
    return of_it and cause.code is not CauseCode.UNHEALTHY


def _sync(application: Application) -> str:
    if application.sync is SyncStatus.SYNCED:
        return ""
    conditions = "\n".join(f"{item.type}: {item.message}" for item in application.conditions)
    return f"{application.sync}\n{conditions}".strip()


def _operation(application: Application) -> str:
    operation = application.operation
    if operation is None:
        return texts.NO_SYNC
    if operation.phase is OperationPhase.SUCCEEDED:
        return ""
    failed = "\n".join(f"{item}: {item.message}" for item in operation.results if item.failed)
    return f"{operation.phase}: {operation.message}\n{failed}".strip()


def _health(health: HealthStatus, message: str) -> str:
    return "" if health is HealthStatus.HEALTHY else f"{health}\n{message}".strip()


def _resource(resource: Resource) -> str:
    if resource.sync is SyncStatus.OUT_OF_SYNC:
        return f"{resource.sync}\n{resource.message}".strip()
    if resource.health is None:
        return "" if resource.sync is SyncStatus.SYNCED else texts.CASE_UNKNOWN
    return _health(resource.health, resource.message)


def _resource_name(resource: Resource) -> str:
    return "/".join(part for part in (resource.group, resource.kind, resource.namespace, resource.name) if part)
