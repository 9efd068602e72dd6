"""The one comment in a merge request: outcome, cause, evidence in a fold, links. Made once, then changed in place.

Whatever others have said stands in code, where GitLab reads no Markdown, no HTML, no mention, no reference and no quick
action; and no line of it begins where a quick action would have to.
"""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from argocd_release.core.json_shape import as_objects
from argocd_release.core.text import QUOTED, one_line
from argocd_release.model.outcome import Outcome, tally
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.notify.client import PAGE, GitLab, GitLabError
from argocd_release.reports import evidence

FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
#: Notes of a merge request are read so far back.
PAGES: Final = 5
EVIDENCE_LIMIT: Final = 20_000
#: Of a set so many applications are named; the page has them all.
NAMED: Final = 20
_TICKS: Final = re.compile(r"`+")
_ORDER: Final = {"opened": 0, "merged": 1}


def merge_request(gitlab: GitLab, revision: str) -> str:
    """The number of the merge request that brought the commit, an open one first; ``""`` if none did.

    Raises ``GitLabError``.
    """
    try:
        found = as_objects(gitlab.get(f"/repository/commits/{revision}/merge_requests"))
    except GitLabError as error:
        if error.status == NOT_FOUND:
            return ""
        raise
    ordered = sorted(found, key=lambda each: _ORDER.get(str(each.get("state")), len(_ORDER)))
    return str(ordered[0].get("iid")) if ordered else ""


def put(gitlab: GitLab, iid: str, result: ReleaseResult) -> str:
    """Write the comment, or write it anew; gives what was done. Raises ``GitLabError``."""
    body, mark = render(result), marker(result)
    for number in _ours(gitlab, iid, mark):
        try:
            gitlab.put(f"/merge_requests/{iid}/notes/{number}", {"body": body})
        except GitLabError as error:
            # Somebody else's, who has copied the mark.
            if error.status not in {FORBIDDEN, NOT_FOUND}:
                raise
        else:
            return f"comment {number} in !{iid} renewed"
    gitlab.post(f"/merge_requests/{iid}/notes", {"body": body})
    return f"comment in !{iid} written"


def marker(result: ReleaseResult) -> str:
    """What tells our comment on this application, or on this set, from every other; not shown."""
    return f"<!-- argocd-release: {re.sub(r'[^A-Za-z0-9./_,=-]', '', named(result))} -->"


def render(result: ReleaseResult) -> str:
    """The comment, as GitLab Flavored Markdown."""
    outcome = result.outcome
    sign = "✅" if outcome is Outcome.DELIVERED else "❌" if outcome.is_failure else "⚪"
    parts = [f"{marker(result)}\n\n**{sign} {code(named(result))}: {outcome.headline.capitalize()}**"]
    if cause := result.cause:
        parts.append(f"Cause: {code(cause.message)}")
        if cause.hint:
            parts.append(f"Next: {code(cause.hint)}")
    parts.append("\n".join(_facts(result)))
    blocks = [
        f"{f'{one.name}: ' if result.several else ''}{block}"
        for one in result.undelivered
        for block in evidence.blocks(one)
    ]
    if blocks:
        parts.append(f"<details><summary>Evidence</summary>\n\n{fenced(chr(10).join(blocks))}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _facts(result: ReleaseResult) -> Iterable[str]:
    if result.several:
        yield from _counted(result)
    else:
        for one in result.applications:
            yield from _state(one)
    yield f"- Time: {result.seconds:.0f} s"
    yield from (f"- [{title}](<{address}>)" for title, address in _links(result))


def named(result: ReleaseResult) -> str:
    """The application, or what a set is of: who belongs to it may be another one in each run."""
    return result.meant if result.several else ",".join(one.name for one in result.applications)


def _counted(result: ReleaseResult) -> Iterable[str]:
    """How many there are of each outcome, and the worst by name."""
    yield f"- Applications: {len(result.applications)}, {tally([one.outcome for one in result.applications])}"
    for one in result.undelivered[:NAMED]:
        yield f"- {code(one.name)}: {one.outcome.word}{f', {code(one.cause.message)}' if one.cause else ''}"
    if (more := len(result.undelivered) - NAMED) > 0:
        yield f"- and {more} more"


def _state(one: ApplicationResult) -> Iterable[str]:
    application = one.application
    if application is not None and application.revision:
        yield f"- Revision: {code(application.revision)}"
        yield f"- State: {code(f'{application.sync.value}, {application.health.value}')}"
        yield from (f"- Image: {code(image)}" for image in application.images[:3])


def _links(result: ReleaseResult) -> Iterable[tuple[str, str]]:
    application = result.only.url if result.only else ""
    explained = result.undelivered[0].explained if result.undelivered else ""
    places = (
        ("What it means", explained),
        ("Argo CD", application),
        ("Site", result.site_url),
        ("Job", result.job_url),
    )
    for title, address in places:
        if _is_plain(address):
            yield title, address


def _is_plain(address: str) -> bool:
    """Whether it can stand between angle brackets and be nothing but an address."""
    return urlsplit(address).scheme in {"http", "https"} and not re.search(r"[\s<>`\\]", address)


def code(text: str) -> str:
    """The text on one line, as code; GitLab Flavored Markdown reads nothing in it."""
    plain = one_line(text, limit=1000) or "-"
    ticks = "`" * (max((len(run) for run in _TICKS.findall(plain)), default=0) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}"


def fenced(text: str) -> str:
    """The text as a block of code, which nothing in it can end."""
    shown = (
        text
        if len(text) <= EVIDENCE_LIMIT
        else f"{text[:EVIDENCE_LIMIT]}\n… ({len(text) - EVIDENCE_LIMIT} more characters)"
    )
    fence = "`" * max(3, max((len(run) for run in _TICKS.findall(shown)), default=0) + 1)
    lines = "\n".join(f"{QUOTED}{line}".rstrip() for line in shown.split("\n"))
    return f"{fence}text\n{lines}\n{fence}"


def _ours(gitlab: GitLab, iid: str, mark: str) -> list[Any]:
    """The numbers of the notes that begin with the mark, the latest first."""
    found: list[Any] = []
    for page in range(1, PAGES + 1):
        notes = as_objects(gitlab.get(f"/merge_requests/{iid}/notes", sort="desc", per_page=str(PAGE), page=str(page)))
        found += [each.get("id") for each in notes if str(each.get("body") or "").startswith(mark)]
        if found or len(notes) < PAGE:
            break
    return found
