"""Compare the table of versions with the Go modules that pin them."""

import json
import re
from pathlib import Path

import pytest

from sandbox import releases
from sandbox.build import MODULES
from sandbox.programs import PROGRAMS, Program
from sandbox.releases import DEFAULT, RELEASES, Release

REQUIRED = re.compile(r"^\t(?:require )?(\S+) (v\S+?)(?: // indirect)?$", re.MULTILINE)


def go_mod(module: str) -> str:
    return (MODULES / module / "go.mod").read_text("utf-8")


def pinned(module: str) -> dict[str, str]:
    """Return the version of each library that the Go module pins."""
    return dict(REQUIRED.findall(go_mod(module)))


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_a_release_is_what_its_module_pins(release: Release) -> None:
    assert pinned(release.module)[release.path] == f"v{release.version}"
    assert f"module sandbox/{release.module}\n" in go_mod(release.module)


def test_the_versions_that_programs_are_told_are_those_they_are_built_from() -> None:
    assert pinned(DEFAULT.module)["k8s.io/kubernetes"] == f"v{releases.KUBERNETES}"
    assert pinned("helm")["helm.sh/helm/v3"] == f"v{releases.HELM}"
    assert pinned("kustomize")["sigs.k8s.io/kustomize/kustomize/v5"] == f"v{releases.KUSTOMIZE}"


def test_every_module_builds_a_program_and_every_program_has_a_module() -> None:
    assert {program.module for program in PROGRAMS} == {folder.name for folder in MODULES.iterdir()}
    for program in PROGRAMS:
        assert re.search(rf"(?m)^(\t|tool ){re.escape(program.package)}$", go_mod(program.module)), program


@pytest.mark.parametrize(
    ("package", "name"),
    [("sigs.k8s.io/kwok/cmd/kwok", "kwok"), ("go.etcd.io/etcd/server/v3", "server"), ("tiny", "tiny")],
)
def test_what_go_calls_a_program(package: str, name: str) -> None:
    assert Program(name="x", module="x", package=package).built_as == name


def test_which_release_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(releases.SERVER_VARIABLE, raising=False)
    monkeypatch.delenv(releases.CLIENT_VARIABLE, raising=False)
    assert (releases.server(), releases.client()) == (DEFAULT, DEFAULT)
    monkeypatch.setenv(releases.SERVER_VARIABLE, "3.6.1")
    assert (releases.server().version, releases.client().version) == ("3.6.1", DEFAULT.version)
    assert releases.server("2.14.21").version == "2.14.21"
    with pytest.raises(releases.UnknownReleaseError, match=r"no Argo CD 9\.9; it has 2\.13\.2, "):
        releases.server("9.9")


def test_the_documented_version_is_the_default() -> None:
    benchmark = json.loads((Path(__file__).parents[3] / "docs" / "benchmark.json").read_text("utf-8"))
    assert benchmark["argocd"] == f"v{DEFAULT.version}"
