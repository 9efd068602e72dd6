"""The certificate of a private authority, as a file that argocd can read."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

_BEGIN: Final = "-----BEGIN"


def file(given: str, stack: ExitStack) -> str:
    """The path of a PEM file with what was given: itself where it is a path; ``""`` for nothing.

    A file that is made here is gone when the stack is closed.
    """
    if _BEGIN not in given:
        return given
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="argocd-ca-")))
    path = folder / "authority.pem"
    # A variable that was pasted into one line, or has the line breaks of another system, is read as it was meant.
    path.write_text(given.replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n", encoding="utf-8")
    return str(path)
