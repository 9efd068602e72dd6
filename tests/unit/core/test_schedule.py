"""Go's durations, as Argo CD's specifications contain them."""

import pytest

from argocd_release.core.schedule import go_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5), ("3m", 180), ("1h30m", 5400), ("1.5h", 5400), ("500ms", 0.5), ("10", 10), ("0", 0),
        ("", None), ("5", 5), ("m", None), ("5 s", None), ("-5s", None), ("1d", None), ("٣s", None), ("9" * 400, None),
    ],
)  # fmt: skip
def test_a_duration(text: str, seconds: float | None) -> None:
    assert go_seconds(text) == seconds
