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


def waited(pid: int) -> float:
    """Return the seconds in which the main thread was ready to run and had no CPU, or 0 if the process has ended."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def peak_memory(pid: int) -> int:
    """Return the largest resident size of the process in bytes, or 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)
