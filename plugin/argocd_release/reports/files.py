"""Write report files completely or not at all."""

import os
import tempfile
import time
from pathlib import Path
from typing import Final

# The longest wait for a pipe without a reader.
PIPE_SECONDS: Final = 2.0


def write(path: Path, text: str, *, seconds: float = PIPE_SECONDS) -> None:
    """Write the file so that a reader finds the old or the complete new one; raise ``OSError``.

    A device or a pipe is written to, for at most ``seconds``, and never replaced. A link stays, and its target is
    written.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        _write_into(path, text.encode("utf-8"), until=time.monotonic() + min(seconds, PIPE_SECONDS))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        # Another user than this process can upload the reports.
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def remove(path: Path) -> None:
    """Remove the report of an earlier job if it is a regular file; raise ``OSError``."""
    path = path.resolve()
    if path.is_file():
        path.unlink()


def _write_into(path: Path, left: bytes, *, until: float) -> None:
    # A pipe without a reader would block the job for ever.
    handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while left:
            try:
                left = left[os.write(handle, left) :]
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
    finally:
        os.close(handle)
