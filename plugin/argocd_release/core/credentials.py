"""Find credentials in texts: passwords in addresses, tokens of known shapes, private keys."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from argocd_release.core.text import CUT

_SENSITIVE: Final = r"(?:token|passw|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|signature|credential|auth)"
# Every quantifier is possessive or bounded, so that no text from outside can make a pattern backtrack.
#: Patterns of credentials, each with the part of the match that stays.
PATTERNS: Final = (
    # A private key. The text can be cut off inside it.
    (
        re.compile(
            r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE[ ]KEY(?: BLOCK)?-----)"
            r"(?:[^-]++|-(?!----END))*+(?:-----END [A-Z0-9 ]{0,40}-----)?"
        ),
        r"\1",
    ),
    # A JSON Web Token. The text can be cut off inside it.
    (re.compile(rf"(?<![\w-])(?>([\w-]*?)eyJ)[\w-]{{8,}}+(?:\.[\w-]{{8,}}+\.[\w-]*+|(?:\.[\w-]*+)?(?={CUT}))"), r"\1"),
    # Tokens of GitLab, GitHub, AWS, Slack, HashiCorp Vault, npm, Docker Hub, Google, Stripe, SendGrid, PyPI.
    (
        re.compile(
            r"(?<![A-Za-z0-9])(?:gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[\w.-]{8,}+"
            r"|gh[opusr]_[A-Za-z0-9]{8,}+|github_pat_\w{8,}+|(?:AKIA|ASIA)[A-Z0-9]{12,}+"
            r"|xox[abeprs]-[\w-]{6,}+|xapp-[\w-]{8,}+|hv[sbr]\.[\w-]{8,}+|npm_[A-Za-z0-9]{20,}+"
            r"|dckr_[a-z]{3}_[\w-]{8,}+|AIza[\w-]{30,}+|[sr]k_(?:live|test)_[A-Za-z0-9]{8,}+|SG\.[\w-]{8,}+\.[\w-]{8,}+"
            r"|pypi-[\w-]{20,}+)"
        ),
        "",
    ),
    (re.compile(r"(?i)\b(bearer\s++)[\w.~+/=-]{8,}+"), r"\1"),
    # "Basic authentication" is not a credential: base64 has more than small letters.
    (re.compile(r"\b((?i:basic)\s++)(?![A-Za-z]?[a-z]*+(?![\w+/=-]))[\w+/=-]{8,}+"), r"\1"),
    # The password in a URL, which can contain an @. The word before a digest is the tag of an image.
    (re.compile(r"(://[^\s/:@]*+:)(?:[^\s/@]*+@(?!sha\d))++"), r"\1@"),
    # A password that contains a slash. A number in its place is a port.
    (re.compile(r"(://[^\s/:@]*+:)(?!\d{1,5}+(?:[/?#\s\"']|$))[^\s@\"']{1,200}+@(?!sha\d)"), r"\1@"),
    # A token in the place of the user of a URL.
    (re.compile(r"(https?://)[^\s/:@]{12,300}+@"), r"\1@"),
    # An address without a scheme. A number before a slash is a port.
    (
        re.compile(r"(?<![^\s\"'(=,])([\w.%+~-]{1,64}+:)(?!//|\d{1,5}/)(?:[^\s@\"']{1,200}+@(?!sha\d))++(?=[\w\[])"),
        r"\1@",
    ),
    # A URL parameter whose name marks it as secret.
    (re.compile(rf"(?i)([?&](?=[\w.-]{{0,40}}?{_SENSITIVE})[\w.-]{{1,80}}+=)[^\s&#\"'<>]++"), r"\1"),
)
_PARAMETER: Final = re.compile(rf"(?i)[?&;](?=[\w.-]{{0,40}}?{_SENSITIVE})[\w.-]{{1,80}}+=([^\s&#;]++)")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}+")
_PORT: Final = re.compile(r"\d{1,5}+(?:[/?#]|$)")
_DIGEST: Final = re.compile(r"sha\d")


def credentials_in(address: str) -> Iterator[str]:
    """Yield the passwords and tokens in an address, literally and URL-decoded.

    The scheme can be missing. The address can be invalid, for example because of the characters in the password.
    """
    for found in _PARAMETER.findall(address):
        yield from (found, unquote(found))
    scheme, separator, rest = address.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        scheme, separator, rest = "", "", address
    account, at, server = rest.rpartition("@")
    user, colon, password = account.partition(":")
    # Without an @ before the first slash, a number after the colon is a port.
    is_port = colon and "@" not in re.split(r"[/?#]", rest, maxsplit=1)[0] and _PORT.match(password)
    if not at or is_port or (not separator and "/" in user) or (not separator and _DIGEST.match(server)):
        return
    # The last @ ends the account, unless it belongs to the path.
    for candidate in (
        password,
        password.partition("@")[0],
        re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[0].partition(":")[2],
    ):
        if candidate:
            yield from (candidate, unquote(candidate))
    if not colon and scheme.lower() in {"http", "https"}:
        yield from (user, unquote(user))
