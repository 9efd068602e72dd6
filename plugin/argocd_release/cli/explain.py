"""The command ``argocd-release explain NAME``: explain a setting, an exit code or a cause code."""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TextIO

from argocd_release.core.text import nearest, one_line
from argocd_release.messages import causes
from argocd_release.messages import cli as texts
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from argocd_release.release.signals import Signals
from argocd_release.settings.environment import PROPERTIES, SCHEMA
from argocd_release.verdict.symptoms import CODES

_PROGRAMS: Final = frozenset({CauseCode.CRASH_LOOP, CauseCode.CONTAINER_FAILED})
# The symptoms that give the hints of these causes.
_SYMPTOMS: Final[Mapping[CauseCode, str]] = MappingProxyType(
    {
        CauseCode.CANNOT_COMPARE: "CANNOT_COMPARE",
        CauseCode.NOTHING_MANAGED: "EMPTY",
        CauseCode.COMPARISON_ERROR: "CONDITION",
        CauseCode.MANIFEST_UNREADABLE: "CONDITION",
        CauseCode.MANIFEST_REJECTED: "OPERATION_FAILED",
        CauseCode.SYNC_REFUSED: "SYNC_REFUSED",
        CauseCode.HYDRATION_FAILED: "HYDRATION_FAILED",
        CauseCode.HEALTH_UNREADABLE: "HEALTH_UNREADABLE",
    }
)
# The name of a setting in a message. A job shows the name under which the reader can set it.
_BRACKETS: Final = re.compile(r"<([A-Z_]++(?:=[\w.-]++)?)>")


def execute(arguments: Sequence[str], environ: Mapping[str, str], stream: TextIO, _: Signals) -> int:
    """Print the explanation of a setting, exit code or cause code. Return 0, or an error code if it is unknown."""
    parser = argparse.ArgumentParser(
        prog="argocd-release explain",
        description=texts.EXPLAIN_DESCRIPTION,
        epilog=texts.EXPLAIN_EXAMPLES,
    )
    parser.add_argument("name", help=texts.NAME)
    name: str = parser.parse_args(arguments).name
    explanations = list(_explanations(name, environ.get("RELEASE_DOCS_URL", "")))
    if not explanations:
        names = {candidate.lower(): candidate for candidate in _names()}
        similar = nearest(name.lower(), names)
        meant = texts.DID_YOU_MEAN.fill(name=names[similar]) if similar else ""
        stream.write(texts.UNKNOWN_NAME.fill(name=one_line(name, limit=100), suggestion=meant))
        return Outcome.SETTINGS.exit_code
    stream.write("\n".join(explanations))
    return 0


def _explanations(name: str, docs_url: str) -> Iterator[str]:
    """Yield one explanation for each setting, exit code or cause code that has this name."""
    for variable, declared in PROPERTIES.items():
        if name.upper() == variable or name == declared.get("x-input"):
            yield _setting(variable, declared)
    for outcome in Outcome:
        if name in {str(outcome.exit_code), outcome.word}:
            yield texts.EXIT_CODE.fill(
                exit_code=outcome.exit_code, word=outcome.word, headline=outcome.headline, meaning=outcome.meaning
            )
    for cause in CauseCode:
        if name == cause.word:
            url = f"{docs_url.rstrip('/')}/troubleshooting/#{cause.word}"
            link = texts.LINK.fill(url=url) if docs_url else ""
            hint = _hint(cause).replace("{application}", texts.ANY_APPLICATION)
            step = texts.NEXT.fill(hint=_BRACKETS.sub(r"\1", hint)) if hint else ""
            yield texts.CAUSE.fill(code=cause.word, meaning=cause.meaning, next=step, link=link)


def _hint(cause: CauseCode) -> str:
    """Return the most general hint for the cause, or an empty string if only the log of a job can give one."""
    word = cause.word
    if word in causes.HINTS or word in causes.TIMEOUT_HINTS:
        return causes.HINTS.get(word) or causes.TIMEOUT_HINTS[word]
    if cause in _PROGRAMS:
        return causes.FIX_PROGRAM_BY_LOG
    symptom = next((symptom.name for symptom, code in CODES.items() if code is cause), _SYMPTOMS.get(cause, ""))
    return causes.SYMPTOM_HINTS.get(symptom, "")


def _setting(name: str, declared: Mapping[str, Any]) -> str:
    title = declared.get("x-input")
    default = declared.get("default", "")
    facts = {
        "input": title or "",
        "type": _type(declared),
        "values": ", ".join(declared.get("enum", ())),
        "least": declared.get("minimum", ""),
        "most": declared.get("maximum", ""),
        "default": texts.REQUIRED if name in SCHEMA["required"] else default if default == "" else json.dumps(default),
        "rule": declared.get("x-rule", ""),
    }
    lines = [f"  {word + ':':9}{text}" for word, text in facts.items() if text != ""]
    note = f" {declared['x-input-note']}" if "x-input-note" in declared else ""
    secret = texts.NEVER_SHOWN if declared.get("x-secret") else ""
    return "\n".join([name, f"  {declared['description']}{note}", *lines, secret])


def _type(declared: Mapping[str, Any]) -> str:
    kind: str = declared["type"]
    return texts.IN_SECONDS.fill(type=kind) if declared.get("x-unit") == "seconds" else kind


def _names() -> list[str]:
    inputs = [declared["x-input"] for declared in PROPERTIES.values() if "x-input" in declared]
    words = [*(outcome.word for outcome in Outcome), *(cause.word for cause in CauseCode)]
    return [*PROPERTIES, *inputs, *words]
