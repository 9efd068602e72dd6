"""bin/install, from a clone to a component that can be included, on a played GitLab with real git and a real registry."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from argocd_release import __version__
from tests.docs.installation import snippet
from tests.docs.pages import ROOT
from tests.support.docker_engine import Engine
from tests.support.gitlab_ci_local import default_image
from tests.support.gitlab_projects import TOKEN, Instance, playing
from tests.support.registry import running_registry

USUAL = "platform/argocd-release"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    (tmp_path / "server").mkdir()
    with playing(Instance(folder=tmp_path / "server")) as played:
        yield played


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone with the version's tag, like that of a user."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(folder)], check=True)
    # As the working tree has it, committed or not.
    shutil.copy(ROOT / "bin" / "install", folder / "bin" / "install")
    subprocess.run(["git", "tag", "--force", __version__], cwd=folder, check=True, capture_output=True)
    return folder


def install(clone: Path, instance: Instance, *arguments: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    command = ["bin/install", "--gitlab", instance.address, "--allow", "team-a", *arguments]
    environ = {"PATH": without_skopeo(clone.parent), "HOME": str(clone.parent), "GITLAB_TOKEN": token}
    done = subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert TOKEN not in done.stdout + done.stderr
    return done


def without_skopeo(folder: Path) -> str:
    """Return a PATH with the programs of bin/install, but not skopeo, which requires TLS from a local registry."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    found = {name: shutil.which(name) for name in ("git", "docker", "env")} | {
        "python3": os.path.realpath(sys.executable)
    }
    for name, program in found.items():
        if program and not (programs / name).exists():
            (programs / name).symlink_to(program)
    return str(programs)


def test_from_nothing_and_once_more(clone: Path, instance: Instance) -> None:
    first = install(clone, instance)
    assert first.returncode == 0, first.stderr
    assert f"include it as $CI_SERVER_FQDN/{USUAL}/release@{__version__}" in first.stdout
    project = instance.projects[USUAL]
    assert project["visibility"] == "internal"
    assert project["description"], "the catalog refuses a project without one"
    assert "argo-cd" in project["topics"]
    assert [badge["name"] for badge in instance.badges] == ["Pipeline", "Coverage", "Latest release"]
    assert instance.allowed == [8]
    assert instance.protected == ["*.*.*"]
    assert instance.catalog == [USUAL]
    assert instance.variables == {}, "at its usual place the image needs no setting"
    bare = instance.folder / f"{USUAL}.git"
    tagged = git(bare, "rev-parse", f"{__version__}^{{commit}}")
    assert tagged == git(clone, "rev-parse", "HEAD") == git(bare, "rev-parse", "main")
    assert "templates/release.yml" in git(bare, "ls-tree", "-r", "--name-only", __version__)
    assert instance.changes[-1] == "git push", "the tag comes last: its pipeline finds everything set"

    instance.changes.clear()
    again = install(clone, instance)
    assert (again.returncode, instance.changes) == (0, [])
    assert "everything is there" in again.stdout


def test_dry_run_changes_nothing(clone: Path, instance: Instance) -> None:
    done = install(clone, instance, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert instance.changes == []
    assert f"would add  the project {USUAL}" in done.stdout
    assert "9 to add; nothing was changed" in done.stdout


def test_what_is_half_there_is_completed(clone: Path, instance: Instance) -> None:
    install(clone, instance)
    instance.allowed.clear()
    instance.projects[USUAL]["description"] = ""
    instance.projects[USUAL]["topics"] = ["ours"]
    instance.badges.pop()
    done = install(clone, instance)
    assert done.stdout.count("    added  ") == 3
    assert instance.projects[USUAL]["topics"] == ["ours"]
    assert instance.projects[USUAL]["description"]
    assert [badge["name"] for badge in instance.badges] == ["Pipeline", "Coverage", "Latest release"]
    assert instance.allowed == [8]


def test_another_place_is_one_variable(clone: Path, instance: Instance) -> None:
    """And no file is changed for it."""
    options = (
        "--project",
        "platform/tools-release",
        "--registry",
        "registry.internal.example.com/mirrors/argocd-release",
    )
    assert install(clone, instance, *options).returncode == 0
    assert instance.variables["team-a"] == {
        "ARGOCD_RELEASE_REPOSITORY": "registry.internal.example.com/mirrors/argocd-release"
    }
    moved = install(clone, instance, *options[:3], "registry.internal.example.com/other")
    assert moved.returncode == 0, moved.stderr
    assert instance.variables["team-a"] == {"ARGOCD_RELEASE_REPOSITORY": "registry.internal.example.com/other"}


def test_where_the_documentation_is_read_is_one_variable(clone: Path, instance: Instance) -> None:
    """The component's jobs read it in every project that includes them."""
    assert install(clone, instance, "--docs-url", "https://docs.example.com/ru").returncode == 0
    assert instance.variables["team-a"] == {"ARGOCD_RELEASE_DOCS_URL": "https://docs.example.com/ru"}
    assert install(clone, instance, "--docs-url", "https://docs.example.com/ru").stdout.count("added") == 0


def test_the_site_of_this_gitlab_is_linked_once_it_is_published(clone: Path, instance: Instance) -> None:
    first = install(clone, instance)
    assert "no documentation yet: run this again" in first.stdout
    assert instance.variables == {}
    instance.pages.append("https://pages.example.com/")
    again = install(clone, instance)
    assert again.returncode == 0, again.stderr
    assert instance.variables["team-a"] == {"ARGOCD_RELEASE_DOCS_URL": "https://pages.example.com"}
    badge = instance.badges[-1]
    assert (badge["name"], badge["link_url"]) == ("Documentation", "https://pages.example.com")
    assert badge["image_url"].startswith(f"{instance.address}/%{{project_path}}/-/badges/")
    assert install(clone, instance).stdout.count("    added  ") == 0


def test_what_goes_wrong_is_said(clone: Path, instance: Instance) -> None:
    assert "GitLab refuses GITLAB_TOKEN" in install(clone, instance, token="glpat-old").stderr
    assert "GITLAB_TOKEN is not set" in install(clone, instance, token="").stderr
    assert "there is no group nowhere" in install(clone, instance, "--project", "nowhere/x").stderr
    instance.version = "16.11.2-ee"
    assert "GitLab is 16.11.2-ee; components with inputs need 17.0 or newer" in install(clone, instance).stderr
    instance.address = "http://127.0.0.1:9"
    assert "gives no answer" in install(clone, instance).stderr


def paste(folder: Path, instance: Instance, *names: str) -> subprocess.CompletedProcess[str]:
    """Paste the page's blocks into a shell, with the token typed where the first asks; `upstream` is this repository."""
    (folder / ".gitconfig").write_text(
        f'[url "file://{ROOT}"]\n\tinsteadOf = https://upstream.example.com/platform/argocd-release.git\n'
    )
    first, *rest = (snippet(f"shell/{name}").replace("https://gitlab.example.com", instance.address) for name in names)
    environ = {"PATH": without_skopeo(folder), "HOME": str(folder)}
    text = f"{first}{TOKEN}\nset -e\ngit fetch --quiet --tags\ngit tag --force {__version__} > tag.txt\n{''.join(rest)}"
    return subprocess.run(
        ["/bin/bash"], cwd=folder, env=environ, input=text, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_page_as_pasted(tmp_path: Path, instance: Instance) -> None:
    done = paste(tmp_path, instance, "install.sh", "install-look.sh", "install-do.sh")
    assert done.returncode == 0, done.stderr
    assert "nothing was changed" in done.stdout
    assert f"include it as $CI_SERVER_FQDN/{USUAL}/release@{__version__}" in done.stdout
    assert instance.allowed == [8]


def test_the_page_without_the_internet(tmp_path: Path, instance: Instance, registry: str, engine: Engine) -> None:
    engine.image.tag(*default_image().rsplit(":", 1))
    instance.registry = registry
    done = paste(tmp_path, instance, "install.sh", "install-image.sh", "install-air-gapped.sh")
    assert done.returncode == 0, done.stderr
    assert __version__ in instance.tags(USUAL)
    assert instance.catalog == []


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    with running_registry(tmp_path) as address:
        yield address


@pytest.mark.parametrize("saved", [False, True], ids=["reference", "docker save"])
def test_the_image_comes_with_it(
    clone: Path, instance: Instance, registry: str, engine: Engine, tmp_path: Path, *, saved: bool
) -> None:
    """From a registry, or through the wall of an air-gapped network as a file."""
    source = default_image()
    engine.image.tag(*source.rsplit(":", 1))
    given = source
    if saved:
        given = str(tmp_path / "image.tar")
        subprocess.run(["docker", "save", "--output", given, source], check=True)
    else:
        given = f"{registry}/upstream/argocd-release:{__version__}"
        engine.image.tag(*given.rsplit(":", 1))
        subprocess.run(["docker", "push", "--quiet", given], check=True, capture_output=True)
    instance.registry = registry
    done = install(clone, instance, "--image", given)
    assert done.returncode == 0, done.stderr
    assert __version__ in instance.tags(USUAL)
    target = f"{registry}/{USUAL}:{__version__}"
    subprocess.run(["docker", "rmi", target], check=True, capture_output=True)
    subprocess.run(["docker", "pull", "--quiet", target], check=True, capture_output=True)
    told = subprocess.run(
        ["docker", "run", "--rm", target, "argocd-release", "--version"], check=True, capture_output=True
    )
    assert told.stdout.decode() == f"argocd-release {__version__}\n"
    assert install(clone, instance, "--image", given).stdout.count("added") == 0


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()
