"""Build the sandbox's programs from pinned Go modules, once, into the user's cache.

The programs of a module of ``sandbox/go`` are in a folder of their own in the cache. Its name is a hash of their
inputs, so changing one lock file rebuilds one module. Go's build cache resumes an interrupted build. A lock per module
makes a second build wait for the first.
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
# Compiling takes most of a newcomer's first minutes. Without inlining (-l) and the debugger's tables it takes two
# thirds of the time. The standard library, a small part, is compiled as usual.
COMPILER_FLAGS: Final = ("-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false")


class BuildError(Exception):
    """A program could not be built. The message ends with the last output of Go."""


def programs(server: Release | None = None, client: Release | None = None) -> dict[str, Path]:
    """Return the path of each program, built or not: ``argocd`` of the client, ``argocd-services`` of the server."""
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
    """Build the missing programs, and print the progress to ``out``; raise ``BuildError``.

    Args:
        server: the version of Argo CD to run.
        client: the version of the argocd command line.
        extras: True to build Helm, Kustomize and kubectl too.
        out: the stream for the progress.
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
    """Build the missing ones of the programs, module by module; return True if there were any."""
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
    """Return the path of the program, built or not."""
    return cache.folder() / _folder_name(program.module) / program.name


def own_builds() -> set[Path]:
    """Return the folders of the builds that this version of the sandbox runs from, even if they do not exist."""
    return {target(program).parent for program in PROGRAMS}


@functools.cache
def module_folder(module: str, path: str) -> Path:
    """Return the folder in Go's module cache of the Go module ``path``, which our module ``module`` pins."""
    for command in (["list", "-m", "-f", "{{.Dir}}", path], ["mod", "download", "-json", path]):
        # The module is fetched only if the module cache was emptied since the programs were built.
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
    # The toolchain is looked up late, because reading the scenarios needs no Go.
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
    # The toolchain and the flags do not depend on the user's Go settings.
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
    """Build programs of one module with one command, so that one is linked while the next is compiled."""
    if not todo:
        return
    folder = target(todo[0]).parent
    partial, names = folder / "partial", ", ".join(program.name for program in todo)
    partial.mkdir(exist_ok=True)
    # The linker ignores a value of a program that is not in this module.
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
