"""Compare the expectation of a release with the state of the application, in the rows of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from argocd_release.model.git import SHA
from argocd_release.reports.page.chart import SizeBudget
from argocd_release.reports.page.language import Text, words

Json = Mapping[str, Any]
# The maximum number of revisions or images in a row.
LISTED: Final = 3
# The number of characters of a commit that the table shows.
SHORT: Final = 8


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A row of the comparison.

    Attributes:
        what: the name of the values.
        expected: the expected value.
        actual: the value that Argo CD reports.
        tone: ``good`` if the values agree, ``bad`` if they do not, ``open`` if they still can, and empty if they cannot
            be
        compared.
    """

    what: Text
    expected: str | Text
    actual: str | Text
    tone: str


def comparison(application: Json, room: SizeBudget) -> Iterator[Compared]:
    """Yield a row for each expectation, with the value that Argo CD reports.

    Yield nothing if no look has shown the application.

    Args:
        application: the application in the JSON report.
        room: the size budget for the values.
    """
    state, expected = application["state"], application["expectation"]
    if state is None:
        return
    yield from _revision(expected, state, application, room)
    if image := str(expected.get("image") or ""):
        yield _image(image, state["images"], room)
    wait_for = expected.get("wait_for") or ["health", "operation", "sync"]
    if "sync" in wait_for:
        yield _exact("sync_status", "Synced", state["sync"])
    if "operation" in wait_for and state["operation"]:
        yield _operation(state["operation"])
    healths = [name for word, name in (("health", "Healthy"), ("suspended", "Suspended")) if word in wait_for]
    if healths:
        health = state["health"]
        yield Compared(
            what=words()["health"], expected=" / ".join(healths), actual=health, tone=_tone(health in healths)
        )


def _revision(expected: Json, state: Json, application: Json, room: SizeBudget) -> Iterator[Compared]:
    actual = _listed([_short(text) for text in state["revisions"]], room)
    code = application["cause"]["code"] if application["cause"] else ""
    if version := str(expected.get("chart_version") or ""):
        met = version in state["revisions"]
        yield Compared(what=words()["chart_version"], expected=room.take(version, 80), actual=actual, tone=_tone(met))
    if revision := str(expected.get("revision") or ""):
        met = any(text.startswith(revision) for text in state["revisions"])
        # If a later revision contains the expected one, only the verdict shows that.
        tone = "good" if met else "bad" if code in {"other-revision", "superseded"} else ""
        yield Compared(what=words()["revision"], expected=room.take(_short(revision), 80), actual=actual, tone=tone)
    elif not version and actual:
        yield Compared(what=words()["revision"], expected=words()["any_revision"], actual=actual, tone="")


def _image(image: str, images: Sequence[str], room: SizeBudget) -> Compared:
    """Return the row of the image. The registry is left out, unless the expectation names it."""
    having = [text for text in images if image in text]
    shown = [text if "/" in image else text.rpartition("/")[2] for text in having or images]
    actual: str | Text = _listed(shown, room) or words()["unknown"]
    # Argo CD's list also contains the images of pods that do not serve, so it proves nothing.
    return Compared(what=words()["image"], expected=room.take(image, 300), actual=actual, tone="" if having else "bad")


def _exact(name: str, expected: str, actual: str) -> Compared:
    return Compared(what=words()[name], expected=expected, actual=actual, tone=_tone(actual == expected))


def _operation(operation: Json) -> Compared:
    """Return the row of the last sync. The number of the attempt is one more than Argo CD's count of retries."""
    phase, attempt = operation["phase"], operation["retries"] + 1
    actual = Text(phase, phase) if attempt == 1 else words()["attempt"].fill(phase=phase, number=attempt)
    tone = "open" if phase == "Running" else _tone(phase == "Succeeded")
    return Compared(what=words()["last_sync"], expected="Succeeded", actual=actual, tone=tone)


def _tone(met: bool) -> str:  # noqa: FBT001 - the only argument
    return "good" if met else "bad"


def _listed(texts: Sequence[str], room: SizeBudget) -> str:
    more = len(texts) - LISTED
    shown = ", ".join(room.take(text, 200) for text in texts[:LISTED])
    return f"{shown} + {more}" if more > 0 else shown


def _short(revision: str) -> str:
    return revision[:SHORT] if SHA.fullmatch(revision) else revision
