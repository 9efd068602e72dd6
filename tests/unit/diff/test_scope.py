"""Test which applications a merge request can change."""

import json
from dataclasses import replace
from typing import Any

import pytest

from argocd_release.diff.scope import Scope
from argocd_release.model.application import Application
from argocd_release.model.git import ChangedFiles, Source
from tests.unit.states import application

OWN = "https://gitlab.example.com/shop/web.git"
OTHER = "https://gitlab.example.com/shop/charts.git"


def scope(*files: str, branch: str = "main", outside: bool = False, **fields: Any) -> Scope:
    changed = ChangedFiles(paths=frozenset(files), refers_outside=lambda _: outside)
    return Scope(is_own=lambda url: url == OWN, target_branch=branch, default_branch="main", files=changed, **fields)


def of(*sources: Source, parameters: tuple[dict[str, Any], ...] = (), annotation: str = "") -> Application:
    texts = tuple(json.dumps(given) for given in parameters)
    return replace(application(), sources=sources, parameters=texts, manifest_paths=annotation)


FOLDER = Source(repo_url=OWN, path="app", target_revision="main")


@pytest.mark.parametrize(
    ("chosen", "part"),
    [
        (of(Source(repo_url=OTHER, path="app")), "none of its sources"),
        (of(Source(repo_url=OWN, path="app", target_revision="production")), "it tracks production"),
        (of(Source(repo_url=OWN, path="app", target_revision="HEAD")), ""),
        (of(Source(repo_url=OWN, path="app", target_revision="refs/heads/main")), ""),
        (of(Source(repo_url=OWN, path="application")), "touches none of its paths (application)"),
        (of(FOLDER), ""),
        (of(Source(repo_url=OWN, path=".")), ""),
        (of(FOLDER, annotation="/other"), "touches none"),
        (of(Source(repo_url=OWN, path="other"), annotation=".;../app"), ""),
        (of(Source(repo_url=OWN, path="other"), annotation="/app/*.yaml"), ""),
        (of(Source(repo_url=OWN, path="other"), annotation="/*.yaml"), "touches none"),
        (of(Source(repo_url=OWN, path="x"), parameters=({"path": "x", "plugin": {}},)), ""),
    ],
)
def test_the_reason_to_skip(chosen: Application, part: str) -> None:
    reason = scope("app/web.yaml").reason_to_skip(chosen)

    assert part in reason
    assert bool(part) == bool(reason)


def test_a_folder_that_refers_to_other_folders_is_compared() -> None:
    assert scope("base/web.yaml", outside=True).reason_to_skip(of(FOLDER)) == ""
    assert scope("base/web.yaml").reason_to_skip(of(FOLDER)) != ""


def test_value_files_of_another_source() -> None:
    chart = Source(repo_url=OTHER, path="chart")
    values = Source(repo_url=OWN, ref="values", target_revision="main")
    given = {"path": "chart", "helm": {"valueFiles": ["$values/live/values.yaml", "https://example.com/x.yaml"]}}
    both = of(chart, values, parameters=(given, {}))

    assert scope("live/values.yaml").reason_to_skip(both) == ""
    assert scope("other").reason_to_skip(both) != ""
    assert scope("other").positions(both) == (2,)


def test_everything_is_compared_if_the_files_are_not_known_or_if_asked() -> None:
    unknown = Scope(is_own=lambda url: url == OWN)

    assert unknown.reason_to_skip(of(FOLDER)) == ""
    assert scope("other", all_paths=True).reason_to_skip(of(FOLDER)) == ""
