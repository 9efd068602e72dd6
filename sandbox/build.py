"""Build the sandbox's programs from pinned Go modules into the user's cache.

Each module of ``sandbox/go`` has a folder in the cache, whose name contains a hash of the inputs of the build. So a
change of one lock file only rebuilds one module. If two processes build the same module, one of them waits.
"""

import fcntl
import functools
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from sandbox import cache, releases
from sandbox.programs import PROGRAMS, Program
from sandbox.releases import Release

MODULES = Path(__file__).parent / "go"
PROGRESS_SECONDS: Final = 8.0
FETCH_SECONDS: Final = 120.0
# The first build takes minutes. Compiling without inlining (-l) and debugging information reduces this by a third. The
# standard library, which is only a small part, is compiled as usual.
COMPILER_FLAGS: Final = ("-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false")


class BuildError(Exception):
    """A program could not be built. The message ends with the last lines of Go's output."""


def programs(server: Release | None = None, client: Release | None = None) -> dict[str, Path]:
    """Return the path of each program by its name, whether it is built or not.

    ``argocd`` is the CLI of the version ``client``, and ``argocd-services`` contains the components of ``server``.
    """
    services, command_line = (_argocd(chosen) for chosen in _chosen(server, client))
    common = {program.name: target(program) for program in PROGRAMS if program.name != "argocd"}
    return common | {"argocd": target(command_line), "argocd-services": target(services)}


def build(
    server: Release | None = None,
    client: Release | None = None,
    *,
    extras: bool = True,
    out: TextIO = sys.stderr,
) -> dict[str, Path]:
    """Build the missing programs, and return the path of each program by its name.

    Args:
        server: the version of Argo CD to run.
        client: the version of the argocd CLI.
        extras: True to build Helm, Kustomize and kubectl too.
        out: the stream for messages about the progress.

    Raises:
        BuildError: a program could not be built.
    """
    argocds = [_argocd(chosen) for chosen in _chosen(server, client)]
    wanted = [program for program in PROGRAMS if program in argocds or program.name != "argocd"]
    wanted = [program for program in wanted if (extras or not program.extra) and not program.asked]
    if make(wanted, out):
        for removed in cache.prune(keep=own_builds()):
            print(f"sandbox: removed an older build: {removed}", file=out)
    cache.use({target(program).parent for program in wanted})
    return programs(server, client)


def make(wanted: Sequence[Program], out: TextIO) -> bool:
    """Build those of the programs that are missing, module by module. Return True if there were any."""
    todo = _missing(wanted)
    if not todo:
        return False
    started = time.monotonic()
    names = ", ".join(program.name for program in todo)
    print(f"sandbox: {len(todo)} of {len(wanted)} programs to build, once: {names}", file=out, flush=True)
    for module in dict.fromkeys(program.module for program in todo):
        with _lock(cache.folder() / _folder_name(module), module, out):
            _build(_missing(program for program in todo if program.module == module), out)
    print(f"sandbox: built in {time.monotonic() - started:.0f} s, kept in {cache.folder()}", file=out)
    return True


def target(program: Program) -> Path:
    """Return the path of the program, whether it is built or not."""
    return cache.folder() / _folder_name(program.module) / program.name


def own_builds() -> set[Path]:
    """Return the folders of the builds that this version of the sandbox uses, whether they exist or not."""
    return {target(program).parent for program in PROGRAMS}


@functools.cache
def module_folder(module: str, path: str) -> Path:
    """Return the source folder of a Go module in Go's module cache.

    Args:
        module: the folder in ``sandbox/go`` that pins the Go module.
        path: the path of the Go module.
    """
    for command in (["list", "-m", "-f", "{{.Dir}}", path], ["mod", "download", "-json", path]):
        # The download is only needed if the module cache was cleared after the programs were built.
        said = _ask_go(module, command)
        folder = json.loads(said)["Dir"] if said.startswith("{") else said.strip()
        if folder:
            return Path(folder)
    raise BuildError(f"no source of {path} in the module cache")


def _chosen(server: Release | None, client: Release | None) -> tuple[Release, Release]:
    return server or releases.server(), client or releases.client()


def _argocd(release: Release) -> Program:
    return next(program for program in PROGRAMS if (program.name, program.module) == ("argocd", release.module))


def _ask_go(module: str, command: list[str]) -> str:
    try:
        done = subprocess.run(
            [_go(), *command],
            cwd=MODULES / module,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"go {' '.join(command)}: no end after {FETCH_SECONDS:.0f} s") from error
    if done.returncode:
        raise BuildError(f"go {' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _go() -> str:
    # Look up the toolchain here and not at import, because importing the scenarios must not require Go.
    found = importlib.util.find_spec("go")
    if found is None or found.origin is None:
        raise BuildError("there is no Go toolchain in this Python: bin/dev sandbox build installs it")
    return str(Path(found.origin).parent / "bin" / "go")


@functools.cache
def _folder_name(module: str) -> str:
    toolchain = Path(_go()).parent.parent / "VERSION"
    files = [toolchain, *(MODULES / module / name for name in ("go.mod", "go.sum"))]
    values = [value for program in PROGRAMS if program.module == module for value in program.values]
    flags = [*COMPILER_FLAGS, *values, platform.system(), platform.machine()]
    built_from = [*(file.read_bytes() for file in files), *(flag.encode() for flag in flags)]
    digest = hashlib.sha256(b"\0".join(built_from)).hexdigest()
    return f"{module}-{digest[:12]}"


def _missing(wanted: Iterable[Program]) -> list[Program]:
    return [program for program in wanted if not target(program).exists()]


def _environment() -> dict[str, str]:
    # Override the user's Go settings, so that they do not affect the toolchain and the flags.
    return os.environ | {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


@contextmanager
def _lock(folder: Path, module: str, out: TextIO) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / cache.LOCK).open("w") as lock:
        started = told = time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                now = time.monotonic()
                if told == started or now - told >= PROGRESS_SECONDS:
                    told = now
                    print(f"sandbox: another build has {module}, waiting {now - started:.0f} s", file=out, flush=True)
                time.sleep(0.5)
        yield


def _build(todo: Sequence[Program], out: TextIO) -> None:
    """Build programs of one module with a single command, so that Go can link one while it compiles another."""
    if not todo:
        return
    folder = target(todo[0]).parent
    partial, names = folder / "partial", ", ".join(program.name for program in todo)
    partial.mkdir(exist_ok=True)
    # Pass the values of all programs, because the linker ignores values for packages that a program does not contain.
    values = " ".join(f"-X {value}" for value in dict.fromkeys(value for program in todo for value in program.values))
    packages = [program.package for program in todo]
    command = [_go(), "build", "-v", *COMPILER_FLAGS, f"-ldflags=-s -w {values}", "-o", f"{partial}/", *packages]
    started = time.monotonic()
    lines: list[str] = []

    def say(state: str) -> None:
        print(f"sandbox: {time.monotonic() - started:4.0f} s  {state}", file=out, flush=True)

    say(f"building {names}")
    with subprocess.Popen(
        command, cwd=MODULES / todo[0].module, env=_environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True)
        reader.start()
        try:
            while True:
                try:
                    process.wait(PROGRESS_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    say(f"{len(lines)} packages, now {lines[-1].strip()}" if lines else "working")
        except BaseException:
            process.terminate()
            raise
        reader.join()
    if process.returncode:
        raise BuildError(f"{names} could not be built:\n{''.join(lines[-15:])}")
    for program in todo:
        (partial / program.built_as).replace(target(program))
    shutil.rmtree(partial)
    say("done")
