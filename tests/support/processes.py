"""Read information about processes from the machine."""

from pathlib import Path


def command_line(pid: int) -> str:
    """Return the words of the command line, with a NUL after each; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """Return every descendant of the process."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text("utf-8", "replace")
        except OSError:
            continue
        children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found
