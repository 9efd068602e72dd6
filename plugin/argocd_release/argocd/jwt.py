"""Read a token's claims without verifying its signature, and recognise tokens that were damaged by pasting. Pure.

Argo CD decides whether a token is genuine. The job uses the claims only to explain errors, and does not trust them.
"""

import base64
import re
from dataclasses import dataclass
from typing import Any, Final

from argocd_release.core.text import as_object, counted, parse_json
from argocd_release.messages import settings

# The issuer of Argo CD's own tokens, and the lengths of complete signatures in base64url. Argo CD signs its own tokens
# with HS256 (argo-cd v2.13.2 util/session/sessionmanager.go:158-183), and such a signature has 32 bytes. An RSA
# signature is as long as its key, which has at least 2048 bits. So only a shorter one is certainly cut off.
OWN_ISSUER: Final = "argocd"
_SIGNATURES: Final = {"HS256": 43, "ES256": 86}
_RSA_SIGNATURE: Final = 342
_PARTS: Final = 3
_QUOTES: Final = "\"'`"
_VARIABLE: Final = re.compile(r"\$\{?\w+\}?")
# Prefixes of GitLab's own tokens (https://docs.gitlab.com/security/tokens/#token-prefixes).
_GITLAB: Final = re.compile(r"(?:gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)|GR1348941)[-_]?")


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The claims of a token.

    Texts are empty and times are None if the token lacks them. Times are seconds since 1970.
    """

    issuer: str = ""
    subject: str = ""
    audience: tuple[str, ...] = ()
    issued_at: float | None = None
    expires_at: float | None = None

    @property
    def is_own(self) -> bool:
        """Return True if an Argo CD server issued the token for one of its accounts."""
        return self.issuer == OWN_ISSUER

    @property
    def whose(self) -> str:
        """Return the name of the account or project role, or the subject of a token from another issuer."""
        return self.subject.partition(":")[0] if self.is_own and not self.subject.startswith("proj:") else self.subject


def read(token: str) -> Claims | None:
    """Return the claims of the token, or None if it is not a JSON Web Token."""
    parts = token.split(".")
    claims = _decoded(parts[1]) if len(parts) == _PARTS else None
    if claims is None:
        return None
    audience = claims.get("aud")
    return Claims(
        issuer=str(claims.get("iss") or ""),
        subject=str(claims.get("sub") or ""),
        audience=tuple(map(str, audience)) if isinstance(audience, list) else (str(audience),) if audience else (),
        issued_at=_time(claims.get("iat")),
        expires_at=_time(claims.get("exp")),
    )


def token_defect(text: str) -> str:
    """Return a description of the mistake in the value, or an empty string if the token looks complete.

    The description does not quote the token.
    """
    stripped = text.strip()
    if stripped[:1] in _QUOTES and stripped[:1]:
        return settings.TOKEN_QUOTED.fill()
    if _VARIABLE.fullmatch(stripped):
        return settings.TOKEN_NOT_EXPANDED.fill()
    if stripped.lower().startswith("bearer "):
        return settings.TOKEN_BEARER.fill()
    if stripped.startswith("/"):
        return settings.TOKEN_PATH.fill()
    if _GITLAB.match(stripped):
        return settings.TOKEN_OF_GITLAB.fill()
    if len(stripped.split()) > 1:
        return settings.TOKEN_WHITE_SPACE.fill()
    return _damage(stripped)


def _damage(token: str) -> str:
    parts = token.split(".")
    if not token.startswith("eyJ"):
        return settings.TOKEN_NO_JWT.fill()
    if len(parts) < _PARTS:
        return settings.TOKEN_PARTS_MISSING.fill(parts=len(parts))
    header, claims = _decoded(parts[0]), _decoded(parts[1])
    if len(parts) > _PARTS or header is None or claims is None:
        return settings.TOKEN_DAMAGED.fill()
    algorithm, length = str(header.get("alg")), len(parts[2])
    is_rsa = algorithm.startswith(("RS", "PS"))
    expected = max(length, _RSA_SIGNATURE) if is_rsa else _SIGNATURES.get(algorithm, length)
    if len(parts[2]) != expected:
        missing = expected - len(parts[2])
        if missing < 0:
            return settings.TOKEN_TOO_LONG.fill()
        verb = "is" if missing == 1 else "are"
        return settings.TOKEN_CUT_OFF.fill(characters=f"{counted(missing, 'character')} {verb}")
    return ""


def _decoded(part: str) -> dict[str, Any] | None:
    try:
        document = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    return as_object(document) or None


def _time(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
