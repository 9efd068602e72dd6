"""Rules that every job log must obey: no contradiction, no noise, and an end that says what to do.

``check_log`` reads a log without section markers, as the tool prints it outside GitLab.
"""

import re
from collections.abc import Iterator

from argocd_release.core.text import QUOTED

RULE = "=" * 45
#: A whole red log has at most this many lines in GitLab, without the contents of its folded sections.
UNFOLDED_LINES = 45
#: The same for a crash loop, which must fit on one screen.
CRASH_LOOP_LINES = 40

#: Pairs of patterns that contradict each other. Both are searched in the part of the log from the banner on.
CONTRADICTIONS = (
    ("it failed, and it is delivered", r"^RELEASE FAILED$", r"^RELEASE SUCCESSFUL$|all \d+ (?:are|is) Synced"),
    ("Degraded, beside another health", r"applied, but Degraded", r"^Health Status: +(?:Progressing|Healthy)"),
    ("not synced, and synced already", r"· not synced", r"has synced this revision already|^Sync Status: +Synced"),
    ("compared, and cannot compare", r"^compared [\d.]+ s", r"^cause: .*(?:cannot compare|ComparisonError)"),
    ("healthy, and not healthy", r"healthy [\d.]+ s.*at the end", r"^Health Status: +Healthy$"),
    ("nothing was applied, but the state says applied", r"has applied nothing|keeps (?:its previous state|what it had)", r"^Argo CD has: .*(?<!not )applied \("),
    ("the state is kept, but everything is missing", r"keeps (?:its previous state|what it had)", r"the application's health is Missing|^\S.* OutOfSync +Missing"),
    ("the old version serves, but no pod is ready", r"^Old version: +still serves", r"^Runs now: +nothing"),
    ("the old version is gone, but it runs", r"^Old version: +does not serve", r"^Runs now: ++(?!nothing|unknown)"),
    ("applied, and not synced", r"^Argo CD has: .*: applied \(Synced\)", r"^Sync Status: +OutOfSync|OutOfSync at the end"),
    ("not applied, and synced", r"^Argo CD has: .*not applied", r"^Sync Status: +Synced|· synced [\d.]+ s"),
    ("no hook ran, but one failed", r"^Hooks: +none ran", r"^cause: \w+ hook "),
    ("the status is unknown, and the manifests are wrong", r"^RELEASE STATUS UNKNOWN$", r"^next: .*fix the manifests"),
    ("one attempt, and several", r"sync attempt 1 failed", r"\(\d+ attempts"),
    ("nothing runs, and something does", r"running: none(?!; (?:running in|pods of the previous revision))", r"^Runs now: ++(?!nothing|unknown|the application)"),
    ("more time for what time does not heal", r"^next: .*raise RELEASE_TIMEOUT", r"^cause: .*(?:CrashLoopBackOff|ImagePull|finalizer|exceeded quota|is invalid:|changed by hand)"),
    ("the log is quoted, and there is none", r"^next: .*error in the (?:program's|hook's) log", r"has no log: "),
    ("a new version runs, and the expected one does not", r"^Old version: +replaced", r"no pod runs the image|which is not the expected one"),
    ("it was the first release, and an old version runs", r"first release", r"previous revision|^Old version: +still"),
)  # fmt: skip

_GROUPED = re.compile(r"^APPLICATION +OUTCOME", re.MULTILINE)
_UID = re.compile(r"\([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\)")
_SHA = re.compile(r"(?<![\w:@/-])[0-9a-f]{40}(?!\w)")
_EMPTY = re.compile(
    r"^(?:(?!Sources?:)[A-Z][\w ]*:|(?:cause|next|help|note|warning|expected):)\s*$|-> \w+ to ,|\btarget \)|: $"
)
_NUMBER = re.compile(r"\d+")
#: The contents of folded sections: the changes of resources, and the logs of hooks.
_FEED = re.compile(
    r"\w+ hook \S+(?:, Pod/\S+)?, container \S+:$|\d{4}-\d\d-\d\dT\S+ |TIMESTAMP |\$ argocd app wait |\+ \d+ unchanged$|  \| "
)
#: The titles of the evidence, each of which is a folded section in GitLab.
_TITLE = re.compile(
    r"(?:\S+: )?(?:\$ argocd app get|State$|Conditions$|Resources$|Pods$|Recent events$|Log of |Not shown$|What changed$)"
)


def contradictions(log: str) -> list[str]:
    """Return the contradictions in a log, each with both lines."""
    end = log[log.find(f"\n{RULE}\n") :]
    if _GROUPED.search(end):
        # A group's log is about several applications, which can be in different states.
        return []
    lines = [line for line in end.splitlines() if not line.startswith(QUOTED)]
    found = []
    for name, *patterns in CONTRADICTIONS:
        first, second = (next((line for line in lines if re.search(pattern, line)), None) for pattern in patterns)
        if first is not None and second is not None:
            found.append(f"{name}:\n  {first}\n  {second}")
    return found


def noise(log: str) -> Iterator[str]:
    """Yield the lines that repeat another one up to its numbers, or contain an id or an empty value."""
    seen: dict[str, str] = {}
    for line in log.partition(f"\n{RULE}\n")[0].splitlines():
        if (
            not line.startswith("-> ")
            or line.startswith(("-> still waiting", "-> delivered"))
            or "delivered · " in line
        ):
            continue
        key = _NUMBER.sub("#", line).replace("restarts", "restart")
        if key in seen:
            yield f"repeats up to its numbers: {line}"
        seen[key] = line
    for line in log.splitlines():
        if line.startswith(QUOTED) or "$ " in line[:3]:
            continue
        if _UID.search(line) or _SHA.search(line):
            yield f"an id: {line}"
        if _EMPTY.search(line):
            yield f"an empty value: {line}"


def unfolded(log: str) -> list[str]:
    """Return the lines that GitLab shows before the reader unfolds a section: a header stands for each section.

    ``test_job_log.py`` compares this with the section markers of a log in GitLab.
    """
    tracking, rule, end = log.partition(f"\n{RULE}\n")
    return [*_tracking(tracking.splitlines()), *_end(f"{rule}{end}".splitlines())]


def _tracking(lines: list[str]) -> Iterator[str]:
    """Yield the lines until the verdict. Those of argocd app wait are two sections: the first ones, and the rest."""
    sections, in_feed = 0, False
    for line in lines:
        if _FEED.match(line):
            sections += not in_feed
            if sections == 1 and not in_feed:
                yield line
            in_feed = True
        elif line:
            in_feed = False
            yield line
    if sections > 1:
        yield "Later changes of resources"


def _end(lines: list[str]) -> Iterator[str]:
    folded = False
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if _TITLE.match(line):
            folded = True
            yield line
        elif line.startswith(("reports: ", "warning: could not write", "next: ")):
            folded = False
            yield line
        # GitLab shows no empty line before the header of a section.
        elif not folded and not (not line and _TITLE.match(following)):
            yield line


def check_log(log: str) -> list[str]:
    """Return what is wrong with a log; empty if nothing is."""
    problems = [*contradictions(log), *dict.fromkeys(noise(log))]
    is_red = "\nRELEASE FAILED\n" in log
    # A job that fails fast ends a crash loop with exit code 11. Otherwise it waits for its timeout.
    is_crash_loop = re.search(r"^cause: .*CrashLoopBackOff", log, re.MULTILINE) and "\nExit code:   11 " in log
    limit = CRASH_LOOP_LINES if is_crash_loop else UNFOLDED_LINES
    if is_red and not _GROUPED.search(log) and (count := len(unfolded(log))) > limit:
        problems.append(f"{count} lines are not folded, at most {limit} may be")
    return problems
