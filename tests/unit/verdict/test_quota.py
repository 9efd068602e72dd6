"""Test the hint about a quota. It must not advise a step that cannot help."""

import pytest

from argocd_release.messages import causes
from argocd_release.verdict.quota import quota_hint

THEN = causes.THEN_RETRY_PODS


def exceeded(requested: str, used: str, limited: str, *, name: str = '"none"') -> str:
    return f'pods "web-1" is forbidden: exceeded quota {name}, requested: {requested}, used: {used}, limited: {limited}'


def zero(limited: str, requested: str) -> str:
    return causes.QUOTA_ZERO.fill_hint(quota="none", limited=limited, requested=requested, then=THEN)


def small(limited: str, requested: str) -> str:
    return causes.QUOTA_SMALL.fill_hint(quota="none", limited=limited, requested=requested, then=THEN)


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        (exceeded("pods=1", "pods=0", "pods=0"), zero("pods=0", "pods=1")),
        (exceeded("count/jobs.batch=1,pods=1", "count/jobs.batch=3,pods=9", "count/jobs.batch=0,pods=9"), zero("count/jobs.batch=0", "count/jobs.batch=1")),
        (exceeded("limits.cpu=500m", "limits.cpu=0", "limits.cpu=0"), zero("limits.cpu=0", "limits.cpu=500m")),
        (exceeded("requests.memory=2Gi", "requests.memory=0", "requests.memory=1536Mi"), small("requests.memory=1536Mi", "requests.memory=2Gi")),
        (exceeded("requests.cpu=2", "requests.cpu=1500m", "requests.cpu=1900m"), small("requests.cpu=1900m", "requests.cpu=2")),
        # A part of the quota can be freed.
        (exceeded("requests.cpu=200m", "requests.cpu=1", "requests.cpu=1100m"), ""),
        (exceeded("pods=1", "pods=9", "pods=9"), ""),
        # Kubernetes does not write these texts.
        (exceeded("pods=1", "pods=0", "pods=0", name=": none"), ""),
        (exceeded("pods=one", "pods=0", "pods=0"), ""),
        (exceeded("pods=1", "pods=0", "pods=1e3"), ""),
        (exceeded("pods=1", "pods=0", "configmaps=0"), ""),
        (exceeded("pods=1;x=2", "pods=0", "pods=0"), ""),
        ('exceeded quota "none"', ""),
        ("insufficient quota to match these scopes", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_what_can_help_against_a_quota(message: str, hint: str) -> None:
    assert quota_hint(message, general="general", then=THEN) == (hint or "general")


def test_no_hint_about_a_quota_of_zero_advises_to_free_a_part_or_to_request_less() -> None:
    assert "free" not in zero("pods=0", "pods=1")
    assert "push" not in zero("pods=0", "pods=1")
    assert "Raise the quota or free a part of it" in causes.HINTS["quota"]
