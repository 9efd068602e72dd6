"""Store the certificate of a private authority in a file that argocd can read."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

_BEGIN: Final = "-----BEGIN"


def file(given: str, stack: ExitStack) -> str:
    """Return the path of a PEM file with the certificate. A path is returned unchanged, and so is an empty string.

    A file that is created here is removed when the stack is closed.
    """
    if _BEGIN not in given:
        return given
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="argocd-ca-")))
    path = folder / "authority.pem"
    # The variable can have its line breaks escaped, or line breaks of Windows.
    path.write_text(given.replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n", encoding="utf-8")
    return str(path)
