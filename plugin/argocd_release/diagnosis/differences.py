"""Name the fields in which a live resource differs from the state that Argo CD wants. All functions are pure."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from argocd_release.core.text import counted, one_line
from argocd_release.messages import drift

#: The maximum number of fields that a message names.
FIELDS: Final = 3
#: The maximum number of fields that are counted.
COUNTED_FIELDS: Final = 100
#: The maximum number of characters of a value, and of the path of a field.
VALUE: Final = 60
PATH: Final = 150
# The depth of a document at which the comparison stops.
_DEPTH: Final = 40
# Fields whose values are never shown: fields that hold free text or settings of a program, and names that suggest a
# secret.
_HIDDEN: Final = re.compile(
    r"\b(?:env|args|command|data|stringData|binaryData|annotations|parameters|values|valuesObject|headers|httpHeaders)\b"
    r"|secret|pass|pwd|token|credential|private|(?:api|access|auth)[_-]?key",
    re.IGNORECASE,
)
# Fields whose texts are shown, because they hold a name or an enumerated value.
_SHOWN: Final = re.compile(
    r"(?:^|\.)(?:replicas|image|[A-Za-z]{0,40}Policy|protocol|type|kind|apiVersion|pathType|scheme|operator|effect"
    r"|port|targetPort|ports\[[0-9]{1,9}\]\.name)$"
)
# A name or an image: without spaces, and without a URL, which can contain a password.
_NAME: Final = re.compile(r"(?!.{0,300}//)[A-Za-z0-9._/:-]{1,300}(?:@sha256:[0-9a-f]{64})?", re.ASCII)
_QUANTITY: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?(?:m|k|Ki|Mi|Gi|s|%)?", re.ASCII)
_MISSING: Final = object()


def differing_fields(kind: str, live: object, wanted: object) -> tuple[str, bool]:
    """Describe the fields that differ, each with its wanted and its live value.

    Return the description, and True if it ends with a field that the cluster has dropped.

    The description is empty if the states are equal, or if they are nested too deeply. It only shows numbers,
    quantities, and the texts of a few fields such as ``image``, because any other text can contain a secret. It shows
    no value of a Secret, nor of a field whose name suggests a secret.

    Args:
        kind: the kind of the resource.
        live: the live state, as parsed JSON.
        wanted: the state that Argo CD wants, as parsed JSON.
    """
    try:
        fields = list(islice(_differences("", live, wanted, _DEPTH), COUNTED_FIELDS))
    except RecursionError:
        return "", False
    texts = [_described(kind, *field) for field in fields[:FIELDS]]
    if more := len(fields[FIELDS:]):
        texts.append(drift.MORE_FIELDS.fill(fields=counted(more, "more field")))
    is_dropped = bool(fields) and not more and fields[-1][1] is _MISSING
    return "; ".join(texts), is_dropped


def _differences(path: str, live: object, wanted: object, depth: int) -> Iterator[tuple[str, object, object]]:
    if live == wanted:
        return
    if depth and isinstance(live, dict) and isinstance(wanted, dict):
        for key in sorted({*live, *wanted}):
            name = f"{path}.{key}" if path else str(key)
            yield from _differences(name, live.get(key, _MISSING), wanted.get(key, _MISSING), depth - 1)
    elif depth and isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        for index, (left, right) in enumerate(zip(live, wanted, strict=True)):
            yield from _differences(f"{path}[{index}]", left, right, depth - 1)
    else:
        yield path, live, wanted


def _described(kind: str, path: str, live: object, wanted: object) -> str:
    field = one_line(path, limit=PATH)
    hidden = not all(_is_harmless(kind, path, value) for value in (live, wanted))
    if wanted is _MISSING:
        if hidden:
            return drift.FIELD_HIDDEN_ONLY_LIVE.fill(field=field)
        return drift.FIELD_ONLY_LIVE.fill(field=field, live=_value(live))
    if live is _MISSING:
        if hidden:
            return drift.FIELD_HIDDEN_NOT_LIVE.fill(field=field)
        return drift.FIELD_NOT_LIVE.fill(field=field, wanted=_value(wanted))
    if hidden:
        return drift.FIELD_HIDDEN.fill(field=field)
    return drift.FIELD_DIFFERS.fill(field=field, wanted=_value(wanted), live=_value(live))


def _is_harmless(kind: str, path: str, value: object) -> bool:
    """Return True if the value can be shown, because it cannot contain a secret."""
    if kind == "Secret" or _HIDDEN.search(path):
        return False
    if isinstance(value, str):
        return bool(_QUANTITY.fullmatch(value) or (_SHOWN.search(path) and _NAME.fullmatch(value)))
    return True


def _value(value: object) -> str:
    """Return a scalar as shortened JSON, or only the number of parts of a dict or a list."""
    if isinstance(value, dict):
        return drift.VALUE_WITH_PARTS.fill(parts=counted(len(value), "field"))
    if isinstance(value, list):
        return drift.VALUE_WITH_PARTS.fill(parts=counted(len(value), "element"))
    return one_line(json.dumps(value, ensure_ascii=False), limit=VALUE)
