"""Report files: written whole or not at all."""

import os
import tempfile
import time
from pathlib import Path
from typing import Final

# The most that a pipe which nobody reads is waited for.
PIPE_SECONDS: Final = 2.0


def write(path: Path, text: str, *, seconds: float = PIPE_SECONDS) -> None:
    """Write the file so that a reader finds the old one or the whole new one; raises ``OSError``.

    A device or a pipe is written to, for ``seconds`` at the most, never replaced; a link stays, and what it leads to
    is written.
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
        # Whoever uploads the reports may be another user than this process.
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def remove(path: Path) -> None:
    """Remove the report of an earlier job; what is no regular file stays. Raises ``OSError``."""
    path = path.resolve()
    if path.is_file():
        path.unlink()


def _write_into(path: Path, left: bytes, *, until: float) -> None:
    # A pipe that nobody reads would keep the job for ever.
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
