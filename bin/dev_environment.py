"""Create the environment of bin/dev, which is ``.venv`` with the packages that ``uv.lock`` pins.

The reasons are in docs/adr/0009-one-lock-installed-by-uv.md.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
OLDEST = (3, 11)
# Every command needs uv itself and the project's build backend.
BASE = ("build",)
# Variables with which a user points uv to another Python, environment or project.
_NOT_OURS = {
    "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_WORKING_DIR", "UV_LOCKED",
    "VIRTUAL_ENV", "CONDA_PREFIX",
}  # fmt: skip
# Settings of pip about the sources of packages, with the variables that have the same meaning in uv.
_UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
# The separator of a variable with several values, if it is not a space.
_SEPARATORS = {"UV_FIND_LINKS": ","}


def ensure(groups: Sequence[str]) -> None:
    """Install the project and the dependency groups into ``.venv``, as ``uv.lock`` pins them.

    If ``.venv`` is missing or broken, create it.
    """
    if not _works(PYTHON) or not _works(UV, "--version"):
        _make()
    locked = _locked(PYTHON, (*BASE, *groups))
    # Try without the network first. If everything is installed already, this takes 0.1 s.
    if not _install(PYTHON, locked, "--offline").returncode:
        _install_project()
        return
    with Step(f"installing {', '.join((*BASE, *groups))}") as step:
        step.check(_install(PYTHON, locked))
    _install_project()


def _make() -> None:
    python = _newest_python()
    with Step("making .venv") as step:
        step.check(_run([python, "-m", "venv", "--clear", str(VENV)]))
    with Step("installing uv") as step:
        step.check(_run([str(PYTHON), *BOOTSTRAP]))


# The arguments with which a Python that has only pip installs uv.
BOOTSTRAP = (
    "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--require-hashes",
    "--requirement", str(ROOT / "bin" / "uv.txt"),
)  # fmt: skip


def _locked(python: Path, groups: Sequence[str]) -> str:
    """Return the requirements of the project and the groups as text: versions and hashes, without addresses."""
    command = ["export", "--quiet", "--frozen", "--project", str(ROOT), "--python", str(python), "--no-emit-project"]
    command += ["--no-default-groups", *(f"--group={group}" for group in groups), "--no-annotate", "--no-header"]
    done = _run([str(python.with_name("uv")), *command])
    if done.returncode:
        sys.exit(f"bin/dev: uv.lock cannot be read:\n{done.stdout.strip()}")
    return done.stdout


def _install(python: Path, locked: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Install only the given requirements, from the index that pip would use."""
    command = [
        "pip",
        "install",
        "--python",
        str(python),
        "--no-deps",
        "--require-hashes",
        *options,
        "--requirement",
        "-",
    ]
    offline = "--offline" in options
    settings = {} if offline else uv_settings(_run([str(python), "-m", "pip", "config", "list"]).stdout, os.environ)
    return _run([str(python.with_name("uv")), *command], given=locked, settings=settings)


def _install_project() -> None:
    command = [str(UV), "pip", "install", "--quiet", "--offline", "--python", str(PYTHON), "--no-deps"]
    with Step("") as step:
        step.check(_run([*command, "--no-build-isolation", "--editable", str(ROOT)]))


def uv_settings(pip_settings: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give uv the settings of pip, because uv does not read them.

    Args:
        pip_settings: the output of `pip config list`: a line for each setting of a file or a variable.
        environ: existing variables of uv, which have precedence.
    """
    by_section: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in pip_settings.splitlines():
        key, equals, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if equals and section in by_section and name in _UV_NAMES:
            by_section[section][_UV_NAMES[name]] = str(ast.literal_eval(value))
    settings = {
        name: _SEPARATORS.get(name, " ").join(value.split())
        for section in by_section.values()
        for name, value in section.items()
    }
    # Let uv behave like pip: pip takes the best version from all its indexes and, since 24.2, trusts the certificates
    # of the system.
    if "UV_INDEX" in settings:
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "SSL_CERT_FILE" not in settings:
        settings["UV_SYSTEM_CERTS"] = "true"
    return {name: value for name, value in settings.items() if name not in environ}


def _newest_python() -> str:
    """Return the path of this Python or, if it is too old, of the newest Python on the PATH."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for minor in (14, 13, 12, 11):
        python = shutil.which(f"python3.{minor}")
        if python and _works(Path(python)):
            return python
    version = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"bin/dev: needs Python 3.11 or newer, this is {version}. Install one; python3.11 on the PATH will do.")


def _works(program: Path, *arguments: str) -> bool:
    return program.exists() and not _run([str(program), *(arguments or ("-c", ""))]).returncode


def _run(
    command: Sequence[str], *, given: str = "", settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    environ |= {"UV_PYTHON_DOWNLOADS": "never", **(settings or {})}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


class Step:
    """A step that takes seconds. It prints its name at once, and its duration every 8 s."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        if self._name:
            print(f"bin/dev: {self._name}", file=sys.stderr, flush=True)
            threading.Thread(target=self._report, args=(time.monotonic(),), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _report(self, started: float) -> None:
        while not self._ended.wait(8):
            print(f"bin/dev: {self._name}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    def check(self, done: subprocess.CompletedProcess[str]) -> None:
        """If the program failed, exit with its output."""
        if done.returncode:
            hint = ""
            if "ensurepip" in done.stdout:
                hint = "\nnext: this Python comes without venv. On Debian and Ubuntu: apt-get install python3-venv"
            sys.exit(f"bin/dev: {self._name or 'installing argocd-release'} failed:\n{done.stdout.strip()}{hint}")
