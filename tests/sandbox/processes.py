"""Processes and ports as the machine reports them, independent of the sandbox."""

from pathlib import Path

LISTENING = "0A"
LOCAL = {"0100007F", "00000000000000000000000001000000"}


def state(pid: int) -> str:
    """One letter of proc(5), such as T for stopped, or X if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def alive(pid: int) -> bool:
    return state(pid) not in "XZ"


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])


def open_to_others(pid: int) -> set[int]:
    """Return the ports at which the process listens on other than loopback addresses."""
    sockets = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == LISTENING and f"socket:[{fields[9]}]" in sockets and address not in LOCAL:
                found.add(int(port, 16))
    return found
