"""Read information about running processes from ``/proc``."""

from pathlib import Path


def command_line(pid: int) -> str:
    """Return the command line of a process, with a NUL after each word, or an empty string if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """Return the ids of all child processes of a process, and of their children."""
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
    """Return how many seconds the main thread has waited for a CPU, or 0 if the process has ended."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def peak_memory(pid: int) -> int:
    """Return the peak resident memory of the process in bytes, or 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)
