"""Render the result of a diff: the table of the log, the comment in the merge request, JSON, JUnit, and the page.

Every text from outside was cleaned and redacted before. The comment shows it as code, and the page escapes it.
"""

import json
from collections.abc import Iterable, Iterator
from html import escape
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

from argocd_release import __version__
from argocd_release.core.text import counted, one_line
from argocd_release.diff.compare import ApplicationDiff, DiffResult, ResourceChange, State
from argocd_release.diff.dangers import Action
from argocd_release.messages import diff as texts
from argocd_release.model.outcome import Outcome
from argocd_release.notify.gitlab import code, fence, is_plain
from argocd_release.reports import page as release_page

#: The maximum number of characters that all differences together have: in the comment, and in the JSON file and page.
NOTE_LIMIT: Final = 50_000
REPORT_LIMIT: Final = 1_000_000
#: The maximum number of lines of an application's differences in the job log.
LOG_LINES: Final = 400
#: The maximum number of applications, and of warnings, that the comment names.
NAMED: Final = 50
SUITE: Final = "argocd-diff"


def _read(name: str) -> str:
    """Return the text of a file of this package."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")


SCHEMA: Final[dict[str, Any]] = json.loads(_read("diff.schema.json"))


def summary(result: DiffResult) -> str:
    """Return one line with the result of the diff."""
    if result.reason:
        return result.reason
    compared = result.of(State.COMPARED)
    if not compared:
        return texts.NONE_LEFT.fill()
    applications = counted(len(compared), "application")
    added, changed, removed = (result.count(action) for action in Action)
    if not (added or changed or removed):
        return texts.NO_CHANGES.fill(applications=applications)
    text = texts.SUMMARY.fill(applications=applications, added=added, changed=changed, removed=removed)
    return texts.DANGEROUS.fill(text=text, count=result.dangers) if result.dangers else text


def table(applications: Iterable[ApplicationDiff]) -> Iterator[str]:
    """Yield the lines of the table in the job log: a header, and a line for each application."""
    listed = list(applications)
    width = max([len(texts.COLUMNS[0]), *(len(application.name) for application in listed)])
    yield "  ".join([texts.COLUMNS[0].ljust(width), *texts.COLUMNS[1:]])
    for application in listed:
        yield f"{application.name.ljust(width)}  {_row(application)}".rstrip()


def _row(application: ApplicationDiff) -> str:
    if application.state is State.SKIPPED:
        return texts.ROW_SKIPPED.fill(reason=application.reason)
    if application.state is State.FAILED:
        return texts.ROW_FAILED.fill(message=application.problem.message if application.problem else "")
    counts = (*(application.count(action) for action in Action), application.unchanged)
    return "  ".join(str(count).ljust(len(title)) for count, title in zip(counts, texts.COLUMNS[1:], strict=True))


def difference(change: ResourceChange, revision: str) -> list[str]:
    """Return the lines of one resource's change, below a header like that of a patch file."""
    live = "/dev/null" if change.action is Action.ADDED else f"{change.title} (live)"
    new = "/dev/null" if change.action is Action.REMOVED else f"{change.title} ({revision[:12]})"
    lines = [f"--- {live}", f"+++ {new}", *change.lines]
    return [*lines, texts.CUT.fill(lines=counted(change.cut, "line"))] if change.cut else lines


def _differences(application: ApplicationDiff, revision: str) -> list[str]:
    """Return the lines of all changes of an application, with an empty line between two changes."""
    return [line for change in application.changes for line in (*difference(change, revision), "")][:-1]


def patch(result: DiffResult) -> str:
    """Return all differences as one text for the ``.diff`` file."""
    lines: list[str] = []
    for application in result.applications:
        for change in application.changes:
            lines += [f"# {application.name}: {change.action} {change.title}", *difference(change, result.revision), ""]
    return "\n".join(lines)


def log_lines(application: ApplicationDiff, revision: str, file: str) -> tuple[str, ...]:
    """Return the lines of an application's differences for the job log."""
    lines = _differences(application, revision)
    if len(lines) <= LOG_LINES:
        return tuple(lines)
    more = counted(len(lines) - LOG_LINES, "line")
    return (*lines[:LOG_LINES], texts.MORE_LINES.fill(lines=more, file=file))


def headline(result: DiffResult) -> str:
    """Return the sentence with which the comment and the page begin."""
    changed = [application for application in result.applications if application.changes]
    failed = result.of(State.FAILED)
    if changed:
        applications = counted(len(changed), "application")
        text = texts.HEAD_CHANGES.fill(applications=applications)
        if result.dangers:
            count = counted(result.dangers, "dangerous change")
            text = texts.HEAD_DANGEROUS.fill(headline=text, changes=count)
        if failed:
            others = counted(len(failed), "other application")
            text = texts.HEAD_CHANGES_AND_ERRORS.fill(headline=text, failed=others)
        return text
    if failed:
        return texts.HEAD_FAILED
    if result.outcome not in {Outcome.DELIVERED, Outcome.DIFFERENT}:
        return texts.HEAD_NOT_COMPARED
    return texts.HEAD_NOTHING if result.of(State.COMPARED) else texts.HEAD_NONE


def marker(result: DiffResult) -> str:
    """Return the hidden line by which a later run of the job finds this comment."""
    return f"<!-- argocd-release-diff: {quote(result.job_name, safe='/')[:300]} -->"


def note(result: DiffResult) -> str:
    """Return the comment in GitLab Flavored Markdown."""
    sign = "❌" if result.of(State.FAILED) else "⚠️" if result.dangers else "🔎"
    parts = [f"{marker(result)}\n\n**{sign} {headline(result)}**"]
    if result.revision:
        parts.append(texts.COMMIT.fill(revision=code(result.revision[:12])))
    if rows := list(_table_rows(result)):
        parts.append("\n".join([texts.TABLE, *rows]))
    if dangers := [(each.name, danger) for each in result.applications for danger in each.dangers]:
        parts.append("\n".join([texts.HEAD_DANGERS, "", *_items(dangers)]))
    if errors := [(each.name, each.problem.message) for each in result.of(State.FAILED) if each.problem]:
        parts.append("\n".join([texts.HEAD_ERRORS, "", *_items(errors)]))
    elif result.reason and not result.applications:
        parts.append(code(result.reason))
    if result.hint:
        parts.append(texts.COMMENT_NEXT.fill(hint=code(result.hint)))
    if result.of(State.FAILED) and any(application.changes for application in result.applications):
        parts.append(texts.APPLIED_ANYWAY)
    parts += _folded(result)
    if notes := [(each.name, text) for each in result.applications for text in each.notes]:
        parts.append("\n".join([texts.HEAD_NOTES, "", *_items(notes)]))
    if skipped := [(application.name, application.reason) for application in result.of(State.SKIPPED)]:
        title = texts.HEAD_SKIPPED.fill(applications=counted(len(skipped), "application"))
        items = "\n".join(_items(skipped))
        parts.append(f"<details><summary>{title}</summary>\n\n{items}\n\n</details>")
    parts.append("\n".join(f"- [{title}](<{address}>)" for title, address in _links(result)))
    return "\n\n".join(filter(None, parts)) + "\n"


def _table_rows(result: DiffResult) -> Iterator[str]:
    shown = [application for application in result.applications if application.state is not State.SKIPPED]
    for application in shown[:NAMED]:
        name = code(application.name).replace("|", "\\|")
        if application.state is State.FAILED:
            yield texts.TABLE_FAILED.fill(application=name)
        else:
            added, changed, removed = (application.count(action) for action in Action)
            yield texts.TABLE_ROW.fill(
                application=name,
                added=added,
                changed=changed,
                removed=removed,
                unchanged=application.unchanged,
                sync=application.sync,
            )


def _items(pairs: list[tuple[str, str]]) -> Iterator[str]:
    for name, text in pairs[:NAMED]:
        yield texts.ITEM.fill(application=code(name), text=code(text))
    if (more := len(pairs) - NAMED) > 0:
        yield texts.MORE.fill(count=more)


def _folded(result: DiffResult) -> Iterator[str]:
    """Yield a folded block for each application with changes, until the limit is reached."""
    left = NOTE_LIMIT
    for application in result.applications:
        if not application.changes or left <= 0:
            continue
        lines = _differences(application, result.revision)
        kept = _within(lines, left)
        left -= sum(len(line) + 1 for line in kept)
        if len(kept) < len(lines):
            kept.append(texts.CUT.fill(lines=counted(len(lines) - len(kept), "line")))
        # A quick action must begin a line with "/". Each line here begins with "+", "-", "@" or a space.
        body = "\n".join(kept)
        ticks = fence(body)
        title = texts.SECTION.fill(application=application.name, changes=counted(len(application.changes), "change"))
        yield f"<details><summary>{escape(title)}</summary>\n\n{ticks}diff\n{body}\n{ticks}\n\n</details>"


def _within(lines: list[str], limit: int) -> list[str]:
    """Return the longest run of first lines that has at most ``limit`` characters in total."""
    for number, line in enumerate(lines):
        limit -= len(line) + 1
        if limit < 0:
            return lines[:number]
    return list(lines)


def document(result: DiffResult) -> dict[str, Any]:
    """Return the JSON document, which conforms to ``diff.schema.json``."""
    left = REPORT_LIMIT
    applications = []
    for application in result.applications:
        changes = []
        for change in application.changes:
            lines = _within(list(change.lines), left)
            left -= sum(len(line) + 1 for line in lines)
            changes.append(
                {
                    "group": change.ref.group,
                    "kind": change.ref.kind,
                    "namespace": change.ref.namespace,
                    "name": change.ref.name,
                    "action": change.action.value,
                    "dangers": list(change.dangers),
                    "diff": "\n".join(lines),
                    "lines_left_out": change.cut + len(change.lines) - len(lines),
                }
            )
        applications.append(_application(application) | {"changes": changes})
    return {
        "format": 1,
        "version": __version__,
        "outcome": result.outcome.word,
        "exit_code": result.outcome.exit_code,
        "summary": summary(result),
        "hint": result.hint,
        "revision": result.revision,
        "full_diff": result.full_url,
        "applications": applications,
    }


def _application(application: ApplicationDiff) -> dict[str, Any]:
    problem = application.problem
    return {
        "name": application.name,
        "state": application.state.value,
        "reason": problem.message if problem else application.reason,
        "code": problem.code.word if problem else "",
        "hint": problem.hint if problem else "",
        **{action.value: application.count(action) for action in Action},
        "unchanged": application.unchanged,
        "notes": list(application.notes),
        "sync": application.sync,
        "seconds": round(application.seconds, 3),
    }


def render_json(result: DiffResult) -> str:
    """Return the result as the text of the ``.json`` file, which conforms to ``diff.schema.json``."""
    return json.dumps(document(result), indent=2, ensure_ascii=False) + "\n"


def render_junit(result: DiffResult) -> str:
    """Return the JUnit file. A failed comparison is a failed test, but a difference is not."""
    from xml.etree import ElementTree as ET  # noqa: PLC0415

    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", name=SUITE)
    for application in result.applications:
        case = ET.SubElement(
            suite, "testcase", classname=SUITE, name=application.name, time=f"{application.seconds:.3f}"
        )
        if application.state is State.FAILED and application.problem:
            ET.SubElement(case, "failure").text = "\n".join(
                filter(None, (application.problem.message, application.problem.hint))
            )
        elif application.state is State.SKIPPED:
            ET.SubElement(case, "skipped").text = application.reason
        else:
            lines = [f"{change.action} {change.title}" for change in application.changes]
            ET.SubElement(case, "system-out").text = "\n".join([*application.dangers, *lines][:NAMED])
    if not result.applications and result.outcome is not Outcome.DELIVERED:
        case = ET.SubElement(suite, "testcase", classname=SUITE, name=SUITE)
        ET.SubElement(case, "failure").text = result.reason
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def render_page(result: DiffResult) -> str:
    """Return the HTML page, which is a single file without scripts and external resources."""
    return release_page.fill(
        _read("diff.html.j2"),
        release_page.read("page.css").strip() + _read("diff.css"),
        title=texts.TITLE,
        headline=headline(result),
        report=document(result),
        dangers=result.dangers,
        links=list(_links(result)),
    )


def _links(result: DiffResult) -> Iterator[tuple[str, str]]:
    """Yield the title and the address of the complete diff and of the job, if they are known."""
    for title, address in ((texts.LINK_FULL, result.full_url), (texts.LINK_JOB, result.job_url)):
        if is_plain(address):
            yield title, address


FILES: Final = {".json": render_json, ".xml": render_junit, ".html": render_page, ".diff": patch}


def full_url(job_url: str, files: str) -> str:
    """Return the address of the complete diff among the artifacts of the job, or an empty string."""
    plain = not files.startswith(("/", "..")) and one_line(files) == files
    return f"{job_url}/artifacts/file/{quote(files)}.diff" if job_url and plain else ""
