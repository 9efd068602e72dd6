import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.verdict.image_reference import expected_tag, matches, names_tag

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("wanted", "image"),
    [
        ("1.2", "registry.example.com:5000/team/web:1.2"),
        (":1.2", "registry.example.com/web:1.2"),
        ("web:1.2", "registry.example.com/team/web:1.2"),
        ("registry.example.com:5000/web:1.2", "registry.example.com:5000/web:1.2"),
        ("registry.example.com/web:1.2", f"registry.example.com/web:1.2@{DIGEST}"),
        (f"registry.example.com/web@{DIGEST}", f"registry.example.com/web:1.2@{DIGEST}"),
        (f"registry.example.com/web:1.2@{DIGEST}", f"registry.example.com/web@{DIGEST}"),
        (f"web:1.2@{DIGEST}", f"registry.example.com/web:1.2@{DIGEST}"),
        (DIGEST, f"registry.example.com/web@{DIGEST}"),
        (f"@{DIGEST}", f"registry.example.com/web:1@{DIGEST}"),
        ("team/web:1.2", "registry.example.com/team/web:1.2"),
        ("team/web:1.2", "registry.example.com/group/team/web:1.2"),
        ("docker.io/library/nginx:1.27", "nginx:1.27"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("index.docker.io/team/web:1", "team/web:1"),
        ("docker.io/nginx:1.27", "docker.io/library/nginx:1.27"),
        ("localhost/web:1", "localhost/web:1"),
    ],
)
def test_the_image_that_is_wanted(wanted: str, image: str) -> None:
    assert matches(wanted, image)


@pytest.mark.parametrize(
    ("wanted", "image"),
    [
        ("1.2", "registry.example.com/web:1.20"),
        ("5000", "registry.example.com:5000/web"),
        ("web", "registry.example.com/web:1.2"),
        ("web:1.2", "registry.example.com/cobweb:1.2"),
        ("eam/web:1.2", "registry.example.com/team/web:1.2"),
        ("registry.example.com/web:1.2", "mirror.example.com/web:1.2"),
        ("registry.example.com/web:1.2", "registry.example.com/team/web:1.2"),
        ("docker.io/library/nginx:1.27", "registry.example.com/nginx:1.27"),
        (f"registry.example.com/web:1.3@{DIGEST}", f"registry.example.com/web:1.2@{DIGEST}"),
        (f"registry.example.com/web:1.2@{DIGEST}", f"registry.example.com/web@{OTHER}"),
        (f"registry.example.com/web:1.2@{DIGEST}", "registry.example.com/web:1.2"),
        (DIGEST, "registry.example.com/web:1.2"),
        ("registry.example.com/web", "registry.example.com/web:1.2"),
        ("web:", "web"),
        ("web:", "web:1"),
        ("web@", "web"),
        # The rest that an empty variable leaves matches no image, not even one without a tag.
        (":", "registry.example.com/web"),
        (":", f"registry.example.com/web@{DIGEST}"),
        ("@", "registry.example.com/web:1.2"),
        ("", "registry.example.com/web:1.2"),
        ("", "registry.example.com/web"),
    ],
)
def test_an_image_that_is_another(wanted: str, image: str) -> None:
    assert not matches(wanted, image)


@given(st.text(alphabet="ab1:/@.$"), st.text(alphabet="ab1:/@."))
def test_whatever_image_comes_it_does_not_crash(wanted: str, image: str) -> None:
    assert matches(wanted, image) in {True, False}


@pytest.mark.parametrize(
    ("wanted", "tag"),
    [
        ("v1.2", "v1.2"),
        (":v1.2", "v1.2"),
        ("web:v1.2", "v1.2"),
        ("registry.example.com:5000/web:v1.2", "v1.2"),
        ("registry.example.com:5000/web:v1.2@sha256:00", ""),
        ("sha256:00", ""),
        ("@sha256:00", ""),
        ("web@sha256:00", ""),
        ("", ""),
    ],
)
def test_the_tag_that_is_expected(wanted: str, tag: str) -> None:
    assert expected_tag(wanted) == tag


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        ({"image": "registry.example.com/web:v1.2"}, True),
        ({"image": "registry.example.com/web:v1.2@sha256:00"}, True),
        ({"spec": {"version": "v1.2"}}, True),
        ({"data": {"values": "image:\ntag:\nv1.2\n"}}, True),
        ({"image": "registry.example.com/web:v1.20"}, False),
        ({"image": "registry.example.com/web:v1.2.1"}, False),
        ({"image": "registry.example.com/web:rev1.2"}, False),
        ({"image": "registry.example.com/web:v1x2"}, False),
    ],
)
def test_a_manifest_that_names_a_tag(manifest: dict[str, object], *, named: bool) -> None:
    assert names_tag(json.dumps(manifest), "v1.2") is named
