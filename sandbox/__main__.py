"""The command line of the sandbox: ``build``, ``up``, ``status``, ``down``, ``clean``."""

import argparse
import os
import shlex
import signal
import sys

from sandbox import build, cache, launch, releases
from sandbox.control import SandboxAbsentError, SandboxError
from sandbox.install import remove
from sandbox.sandbox import Sandbox


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/dev sandbox", description="A real Argo CD on this machine.")
    parser.add_argument("command", choices=("build", "up", "status", "down", "clean"))
    parser.add_argument("--name", default="default", help="several can live side by side (default: %(default)s)")
    parser.add_argument(
        "--argocd", default="", metavar="VERSION", help=f"what to build or start: {', '.join(releases.RELEASES)}"
    )
    parser.add_argument("--client", default="", metavar="VERSION", help="of the command line on the PATH, likewise")
    parser.add_argument("--all", action="store_true", help="clean: also what this version of the sandbox runs from")
    given = parser.parse_args()
    try:
        match given.command:
            case "build":
                build.build(releases.server(given.argocd), releases.client(given.client))
            case "up":
                up(given.name, given.argocd, given.client)
            case "status":
                return status(given.name)
            case "clean":
                clean(everything=given.all)
            case _:
                down(given.name)
    except (SandboxError, build.BuildError, releases.UnknownReleaseError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT
    return 0


def up(name: str, argocd: str, client: str) -> None:
    sandbox = Sandbox.up(name, argocd=argocd, client=client)
    environment = sandbox.environment()
    path = environment.pop("PATH").removesuffix(os.environ.get("PATH", ""))
    for variable, value in environment.items():
        print(f"export {variable}={shlex.quote(value)}")
    print(f'export PATH={shlex.quote(path)}"$PATH"')
    print(f"# Argo CD {sandbox.layout.release.version}: https://{sandbox.server}  user admin, password:")
    print("#   kubectl get secret argocd-initial-admin-secret -n argocd -o jsonpath='{.data.password}' | base64 -d")
    print(f"# logs of the components: {sandbox.folder / 'logs'}")


def status(name: str) -> int:
    try:
        states = Sandbox.attach(launch.named_folder(name)).status()
    except SandboxAbsentError:
        print(f"sandbox: {name} is {'being started or ended' if launch.is_claimed(name) else 'down'}")
        return 1
    for component, state in states.items():
        print(f"{component:24} {state['state']:8} pid {state['pid']}")
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
            # A supervisor that was killed has not removed the folder.
            remove(folder)
        else:
            say(f"{name} is down")


def clean(*, everything: bool) -> None:
    """Remove unused builds, and print which ones, how much space that frees, and which builds are left."""
    used = launch.builds_in_use()
    removed = cache.remove(keep=used if everything else used | build.own_builds())
    for each in removed:
        say(f"removed {each}")
    for each in cache.builds():
        say(f"kept {each}{', a sandbox runs from it' if each.path in used else ''}")
    say(f"freed {sum(each.megabytes for each in removed):.0f} MB in {cache.folder()}")


def say(text: str) -> None:
    print(f"sandbox: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
