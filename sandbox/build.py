"""Builds the sandbox's programs from pinned Go modules, once, into the user's cache.

Each module of ``sandbox/go`` has a folder of its own in the cache, named by the hash of what it is
built from, so changing one lock file rebuilds one module. Go's build cache makes an interrupted
build resume, and a lock per module makes a second build wait for the first.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

MODULES = Path(__file__).parent / "go"
PROGRESS_SECONDS = 8.0
FETCH_SECONDS = 120.0

ARGOCD_VERSION = "2.13.2"
ARGOCD_COMMIT = "dc43124058130db9a747d141d86d7c2f4aac7bf9"
_ARGOCD_COMMON = "github.com/argoproj/argo-cd/v2/common"
_KUBERNETES_COMMON = "k8s.io/component-base/version"


@dataclass(frozen=True, kw_only=True)
class Program:
    """One binary: the module that pins it, the package it is built from, its ``-X`` values."""

    name: str
    module: str
    package: str
    values: tuple[str, ...] = ()


_KUBERNETES = (
    f"{_KUBERNETES_COMMON}.gitVersion=v1.31.0",
    f"{_KUBERNETES_COMMON}.gitMajor=1",
    f"{_KUBERNETES_COMMON}.gitMinor=31",
)

PROGRAMS = (
    Program(name="etcd", module="etcd", package="go.etcd.io/etcd/server/v3"),
    Program(name="kwok", module="kwok", package="sigs.k8s.io/kwok/cmd/kwok"),
    Program(
        name="kube-apiserver",
        module="argocd",
        package="k8s.io/kubernetes/cmd/kube-apiserver",
        values=_KUBERNETES,
    ),
    Program(
        name="kube-controller-manager",
        module="argocd",
        package="k8s.io/kubernetes/cmd/kube-controller-manager",
        values=_KUBERNETES,
    ),
    Program(
        name="kube-scheduler",
        module="argocd",
        package="k8s.io/kubernetes/cmd/kube-scheduler",
        values=_KUBERNETES,
    ),
    Program(
        name="kubectl",
        module="argocd",
        package="k8s.io/kubernetes/cmd/kubectl",
        values=_KUBERNETES,
    ),
    Program(
        name="argocd",
        module="argocd",
        package="github.com/argoproj/argo-cd/v2/cmd",
        # Without a version of its own the client calls itself v99.99.99+unknown.
        values=(
            f"{_ARGOCD_COMMON}.version={ARGOCD_VERSION}",
            f"{_ARGOCD_COMMON}.gitCommit={ARGOCD_COMMIT}",
            f"{_ARGOCD_COMMON}.gitTreeState=clean",
        ),
    ),
    Program(
        name="helm",
        module="helm",
        package="helm.sh/helm/v3/cmd/helm",
        values=("helm.sh/helm/v3/internal/version.version=v3.15.4",),
    ),
    Program(
        name="kustomize",
        module="kustomize",
        package="sigs.k8s.io/kustomize/kustomize/v5",
        values=("sigs.k8s.io/kustomize/api/provenance.version=v5.4.3",),
    ),
)


class BuildError(Exception):
    """A program could not be built; the message ends with what Go printed last."""


def cache_folder() -> Path:
    """The user's cache folder for the sandbox, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "argocd-release" / "sandbox"


def programs() -> dict[str, Path]:
    """Where each program is, or will be once built."""
    return {program.name: _target(program) for program in PROGRAMS}


def missing() -> list[str]:
    """Names of the programs that are not built yet."""
    return [program.name for program in PROGRAMS if not _target(program).exists()]


def build(out: TextIO = sys.stderr) -> dict[str, Path]:
    """Build what is missing, telling ``out`` how it goes; raises ``BuildError``."""
    todo = missing()
    if todo:
        print(f"sandbox: {len(todo)} of {len(PROGRAMS)} programs to build, once: {', '.join(todo)}", file=out)
    started = time.monotonic()
    for program in PROGRAMS:
        if program.name in todo:
            with _lock(program, out):
                if not _target(program).exists():
                    _build(program, f"{todo.index(program.name) + 1} of {len(todo)}", out)
    if todo:
        print(f"sandbox: built in {time.monotonic() - started:.0f} s, kept in {cache_folder()}", file=out)
    return programs()


def module_folder(module: str, path: str) -> Path:
    """The folder of the Go module ``path`` that our module ``module`` pins, in Go's module cache."""
    for command in (["list", "-m", "-f", "{{.Dir}}", path], ["mod", "download", "-json", path]):
        # The module cache may have been emptied since the programs were built: only then is it fetched again.
        said = _ask_go(module, command)
        folder = json.loads(said)["Dir"] if said.startswith("{") else said.strip()
        if folder:
            return Path(folder)
    raise BuildError(f"no source of {path} in the module cache")


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
    # Found when it is first needed: who only reads the scenarios needs no Go.
    found = importlib.util.find_spec("go")
    if found is None or found.origin is None:
        raise BuildError("there is no Go toolchain in this Python: bin/dev sandbox build installs it")
    return str(Path(found.origin).parent / "bin" / "go")


def _key(program: Program) -> str:
    files = [MODULES / program.module / name for name in ("go.mod", "go.sum")]
    values = [value for other in PROGRAMS if other.module == program.module for value in other.values]
    parts = [*(file.read_bytes() for file in files), *(value.encode() for value in values)]
    parts.append(f"{Path(_go()).stat().st_size} {platform.system()} {platform.machine()}".encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _target(program: Program) -> Path:
    return cache_folder() / f"{program.module}-{_key(program)}" / program.name


def _environment() -> dict[str, str]:
    # One toolchain and one set of flags everywhere, whatever the user's own Go is set to.
    return os.environ | {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


@contextmanager
def _lock(program: Program, out: TextIO) -> Iterator[None]:
    folder = _target(program).parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        started = told = time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                now = time.monotonic()
                if told == started or now - told >= PROGRESS_SECONDS:
                    told = now
                    print(f"sandbox: another build has {program.module}, waiting {now - started:.0f} s", file=out)
                time.sleep(0.5)
        yield


def _build(program: Program, position: str, out: TextIO) -> None:
    target = _target(program)
    partial = target.with_suffix(".partial")
    values = " ".join(f"-X {value}" for value in program.values)
    command = [_go(), "build", "-v", "-ldflags", f"-s -w {values}", "-o", str(partial), program.package]
    started = time.monotonic()
    lines: list[str] = []

    def say(state: str) -> None:
        print(
            f"sandbox: {program.name} ({position}) {time.monotonic() - started:4.0f} s  {state}", file=out, flush=True
        )

    say("building")
    with subprocess.Popen(
        command, cwd=MODULES / program.module, env=_environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True)
        reader.start()
        try:
            while True:
                try:
                    process.wait(PROGRESS_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    say(f"{len(lines)} steps, now {lines[-1].strip()}" if lines else "working")
        except BaseException:
            process.terminate()
            raise
        reader.join()
    if process.returncode:
        raise BuildError(f"{program.name} could not be built:\n{''.join(lines[-15:])}")
    partial.replace(target)
    say("done")
