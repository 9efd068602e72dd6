"""The JUnit report, in the form that GitLab's parser reads (lib/gitlab/ci/parsers/test/junit.rb).

GitLab shows only the text of an element, so the evidence is in the text. GitLab compares runs by the names of suites,
classes and cases, so these names contain no revision, time or count.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from argocd_release.messages import reports as texts
from argocd_release.model.application import Application, HealthStatus, OperationPhase, Resource, SyncStatus
from argocd_release.model.git import GitUrl
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode, Problem
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.reports.evidence import facts, overview, story

if TYPE_CHECKING:
    from xml.etree.ElementTree import TreeBuilder

SUITE: Final = "argocd-release"


def render(result: ReleaseResult) -> str:
    """Return the report as an XML document."""
    # Importing this module at the start would delay the first look.
    from xml.etree import ElementTree as ET  # noqa: PLC0415

    builder = ET.TreeBuilder()
    with _element(builder, "testsuites"):
        for application in result.applications:
            # GitLab compares runs by these names. In a group, each application needs a suite of its own. Otherwise the
            # name of the suite is fixed.
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
    """Add an element that contains everything that is added inside the context."""
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
    if folder := _folder(result, of.project_url):
        attributes["file"] = folder
    if result.outcome is Outcome.DELIVERED:
        children = {"system-out": facts(result)}
    else:
        # A failure means that the release failed. An error means that the job could not determine its result.
        children = {"failure" if result.outcome.is_failure else "error": story(result)}
        if of.attachment:
            children["system-out"] = f"[[ATTACHMENT|{of.attachment}]]"
    title = texts.RELEASED.fill(application=result.name or texts.THE_APPLICATION)
    _add_case(builder, classname, title, children, **attributes)
    judged = result.outcome is Outcome.DELIVERED or result.outcome.is_failure
    for name, text in _facts(result):
        # A failed release must count as one failed test. So show its deviations as skipped tests.
        skipped = text if judged else texts.CASE_STATUS_UNKNOWN.fill(text=text)
        _add_case(builder, classname, name, {"skipped": skipped} if text else {})


def _folder(result: ApplicationResult, project_url: str) -> str:
    """Return the folder of the manifests if they are in one folder of this project, or an empty string."""
    sources = result.application.sources if result.application else ()
    project = GitUrl.parse(project_url)
    paths = {source.path.strip("/") for source in sources if GitUrl.parse(source.repo_url).is_same(project)}
    return paths.pop() if len(paths) == 1 else ""


def _facts(result: ApplicationResult) -> Iterator[tuple[str, str]]:
    """Yield the name of each case and its deviation from the desired state, which is empty if there is none."""
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
            # Show the cause at the resource that it belongs to, because people look there.
            yield name, f"{cause}\n{text}" if text and cause and _explains(cause, resource) else text
    if unlisted := {state: count for state, count in result.unlisted.resources.items() if not state.hook}:
        deviating = sum(count for state, count in unlisted.items() if state.deviates)
        deviates = texts.UNLISTED_DEVIATING.fill(count=sum(unlisted.values()), deviating=deviating)
        yield texts.UNLISTED, deviates if deviating else ""


def _explains(cause: Problem, resource: Resource) -> bool:
    """Return True if the cause is in a child of the resource, such as a pod, and adds to the resource's own message."""
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
