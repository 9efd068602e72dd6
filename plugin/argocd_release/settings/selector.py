"""Check a label selector as Kubernetes reads it (k8s.io/apimachinery v0.31.0 pkg/labels/selector.go)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from argocd_release.core.text import one_line
from argocd_release.model.errors import SettingProblem

NAME: Final = "RELEASE_SELECTOR"
_PART: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY: Final = rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_PART}"
_VALUE: Final = rf"(?:{_PART})?"
# Bounded, so that the pattern is done with any text at once.
_SPACE: Final = r"[ \t]{0,20}+"
_REQUIREMENT: Final = re.compile(
    rf"{_SPACE}(?:!{_SPACE}{_KEY}|{_KEY}(?:{_SPACE}(?:==?|!=){_SPACE}{_VALUE}|{_SPACE}[<>]{_SPACE}\d{{1,19}}+"
    rf"|[ \t]{_SPACE}(?:in|notin){_SPACE}\({_SPACE}{_VALUE}(?:{_SPACE},{_SPACE}{_VALUE}){{0,200}}+{_SPACE}\))?){_SPACE}"
)


def problems(values: Mapping[str, Any]) -> Iterator[SettingProblem]:
    """Yield what is wrong with the selector, which Argo CD would refuse like a request without a token."""
    text, position = str(values[NAME]), 0
    while position < len(text):
        requirement = _REQUIREMENT.match(text, position)
        end = requirement.end() if requirement else position
        if requirement is None or text[end:] == "," or text[end : end + 1] not in {"", ","}:
            shown = one_line(text[position:], limit=60)
            yield SettingProblem(
                name=NAME,
                message=f"is not a label selector from {shown!r} on",
                fix="separate requirements by commas, as in `team=web,tier!=db,env in (dev,test),!legacy`",
            )
            return
        position = end + 1
