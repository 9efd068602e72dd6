"""The sandbox by hand: ``build``, ``up``, ``status``, ``down``."""

import argparse
import shlex
import signal
import sys

from sandbox import build, cluster, launch
from sandbox.link import SandboxAbsentError, SandboxError
from sandbox.sandbox import Sandbox


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
    except (SandboxError, build.BuildError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT
    return 0


def up(name: str) -> None:
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
    try:
        states = Sandbox.attach(launch.named_folder(name)).status()
    except SandboxAbsentError:
        print(f"sandbox: {name} is {'being started or ended' if launch.is_claimed(name) else 'down'}")
        return 1
    for part, state in states.items():
        print(f"{part:24} {state['state']:8} pid {state['pid']}")
    for state in states.values():
        if state["why"]:
            print(f"\n{state['why']}")
    return 0 if all(state["state"] == "running" for state in states.values()) else 1


def down(name: str) -> None:
    folder = launch.named_folder(name)
    with launch.claimed(name, say):
        try:
            Sandbox.attach(folder).down()
        except SandboxAbsentError:
            say(f"{name} was not up")
            # What a supervisor leaves behind that was killed.
            cluster.remove(folder)
        else:
            say(f"{name} is down")


def say(text: str) -> None:
    print(f"sandbox: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
