"""Choose the hint for an object that exceeds a quota of its namespace.

The message is that of kubernetes v1.31.0 staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go,
with the name of the quota as ``core.text.as_message`` writes it. All functions are pure.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from argocd_release.messages import causes

_AMOUNTS: Final = r"[\w./-]{1,300}+=[\w.]{1,30}+(?:,[\w./-]{1,300}+=[\w.]{1,30}+)*+"
_EXCEEDED: Final = re.compile(
    rf'exceeded quota "([a-z0-9.-]{{1,253}}+)", requested: ({_AMOUNTS}), used: {_AMOUNTS}, '
    rf"limited: ({_AMOUNTS})(?![\w.])"
)
_QUANTITY: Final = re.compile(r"(\d{1,20}+(?:\.\d{1,20}+)?)([numkMGTPE]|[KMGTPE]i)?")
_FACTORS: Final[Mapping[str, Decimal]] = MappingProxyType(
    {
        **{suffix: Decimal(1000) ** (position - 3) for position, suffix in enumerate("num", 0)},
        "": Decimal(1),
        **{suffix: Decimal(1000) ** (position + 1) for position, suffix in enumerate("kMGTPE")},
        **{f"{suffix}i": Decimal(1024) ** (position + 1) for position, suffix in enumerate("KMGTPE")},
    }
)


def quota_hint(message: str, *, general: str, then: str) -> str:
    """Return the hint for a quota that is too small even if nothing uses it, otherwise the general hint.

    Args:
        message: the message of the API server.
        general: the hint if a part of the quota can be freed, or if the message cannot be parsed.
        then: the step after the quota was raised.
    """
    match = _EXCEEDED.search(message)
    if match is None:
        return general
    name, requested, limited = match[1], _amounts(match[2]), _amounts(match[3])
    for resource, amount in requested.items():
        wanted, limit = _quantity(amount), _quantity(limited.get(resource, ""))
        if wanted is None or limit is None or wanted <= limit:
            continue
        text = causes.QUOTA_SMALL if limit else causes.QUOTA_ZERO
        return text.fill_hint(
            quota=name, limited=f"{resource}={limited[resource]}", requested=f"{resource}={amount}", then=then
        )
    return general


def _amounts(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(","))


def _quantity(text: str) -> Decimal | None:
    """Return the value of a quantity of Kubernetes, such as ``500m`` or ``1Gi``, or None if it is malformed."""
    match = _QUANTITY.fullmatch(text)
    return None if match is None else Decimal(match[1]) * _FACTORS[match[2] or ""]
