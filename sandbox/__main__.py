"""The sandbox by hand: ``build``, ``up``, ``status``, ``down``."""

import argparse
import shlex
import sys

from sandbox import build
from sandbox.cluster import CommandError
from sandbox.sandbox import Sandbox, named_folder
from sandbox.supervisor import SandboxError


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/dev sandbox", description="A real Argo CD on this machine.")
    parser.add_argument("command", choices=("build", "up", "status", "down"))
    parser.add_argument("--name", default="default", help="several can live side by side (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "build":
                build.build()
            case "up":
                up(arguments.name)
            case "status":
                return status(arguments.name)
            case _:
                down(arguments.name)
    except (SandboxError, CommandError, build.BuildError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


def up(name: str) -> None:
    if is_up(name):
        print(f"sandbox: {name} is up already", file=sys.stderr)
        sandbox = Sandbox.attach(named_folder(name))
    else:
        sandbox = Sandbox.up(name)
    environment = sandbox.environment()
    path = environment.pop("PATH").split(":", 1)[0]
    for variable, value in environment.items():
        print(f"export {variable}={shlex.quote(value)}")
    print(f'export PATH={shlex.quote(path)}:"$PATH"')
    print(f"# Argo CD: https://{sandbox.server}  user admin, password:")
    print("#   kubectl get secret argocd-initial-admin-secret -n argocd -o jsonpath='{.data.password}' | base64 -d")
    print(f"# logs of the parts: {sandbox.folder / 'logs'}")


def status(name: str) -> int:
    if not is_up(name):
        print(f"sandbox: {name} is down")
        return 1
    states = Sandbox.attach(named_folder(name)).status()
    for part, state in states.items():
        print(f"{part:24} {state['state']:8} pid {state['pid']}")
    for state in states.values():
        if state["why"]:
            print(f"\n{state['why']}")
    return 0 if all(state["state"] == "running" for state in states.values()) else 1


def down(name: str) -> None:
    if is_up(name):
        Sandbox.attach(named_folder(name)).down()
        print(f"sandbox: {name} is down", file=sys.stderr)
    else:
        print(f"sandbox: {name} was not up", file=sys.stderr)


def is_up(name: str) -> bool:
    try:
        Sandbox.attach(named_folder(name)).status()
    except (SandboxError, OSError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
