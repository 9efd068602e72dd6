"""Redact known secrets, text that looks like a credential, and the data of Secrets in all outputs of the job.

Parsers already remove the values of Kubernetes Secrets when they read a message (``secret_data``). Known secrets are
replaced only in the outputs, so that verdicts do not depend on the redaction.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cache, lru_cache
from operator import is_
from typing import Any, Final, TypeVar
from urllib.parse import quote, quote_plus, unquote

from argocd_release.core.secret_data import without_secret_data, without_secret_errors
from argocd_release.core.text import CUT, clean, one_line
from argocd_release.core.yaml_secrets import REDACTED

LEAST_LENGTH: Final = len("12345678")
TEXT_LIMIT: Final = 400_000
Redact = Callable[[str], str]
T = TypeVar("T")
_CUT: Final = re.compile(CUT)
# If the name of a variable contains one of the words in _SECRET_…, its value is probably secret. If the last word of
# the name is in _NO_SECRET, the value is probably not secret.
_SECRET_WORDS: Final = frozenset({"JWT", "CREDENTIALS", "PASSPHRASE", "PASS", "PAT", "DSN"})
_SECRET_ENDS: Final = ("TOKEN", "PASSWORD", "PASSWD", "SECRET", "APIKEY", "_PWD")
_SECRET_KEYS: Final = ("API_KEY", "PRIVATE_KEY", "ACCESS_KEY", "SECRET_KEY", "DEPLOY_KEY", "AUTH_CONFIG")
_NO_SECRET: Final = frozenset(
    {
        "NAME",
        "USER",
        "USERNAME",
        "ID",
        "PATH",
        "FILE",
        "DIR",
        "URL",
        "URI",
        "HOST",
        "SERVER",
        "NAMESPACE",
        "TYPE",
        "TTL",
    }
)
# GitLab's Auto DevOps passes all variables with this prefix to the application, whether they are secret or not.
_HANDED_ON: Final = "K8S_SECRET_"
# If the name of a variable contains SECRET and one of these words, its value can be the name of a Kubernetes Secret or
# a path in a vault. Neither is secret.
_POINTERS: Final = frozenset({"PULL", "IMAGEPULL", "IMAGE", "REGISTRY", "VAULT", "TLS", "K8S", "KUBE", "KUBERNETES"})
_NAME: Final = re.compile(r"[a-z]++\d{0,2}+(?:[-./][a-z]++\d{0,2}+)*+")
_DSN_PASSWORD: Final = re.compile(r"(?:^[^\s:/@]*+:([^\s@]++)@|password=([^\s;&]++))")


def redaction(secrets: Iterable[str]) -> Redact:
    """Return a function that replaces the given secrets in a text, and everything that looks like a token.

    The function also replaces encoded secrets, and secrets of which ``text.clean`` has removed a part.
    """
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= LEAST_LENGTH}
    # Replace longer secrets first, because a longer secret can contain a shorter one.
    ordered = sorted(forms, key=len, reverse=True)

    def redact(text: str) -> str:
        if len(text) < LEAST_LENGTH:
            return text
        for secret in ordered:
            text = text.replace(secret, REDACTED)
        text = _without_halves(text, ordered)
        return _without_tokens(text)

    return redact


def masked(environ: Mapping[str, str], *, readable: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the values of variables whose names suggest a secret, and the passwords inside other values.

    This is a guess, because GitLab does not tell a job which of its variables are masked.

    Args:
        environ: the environment variables of the job.
        readable: texts that must stay readable in the outputs. The function does not return a value that is a part of
            such a text.
    """
    open_values = tuple(readable)
    lines = [line.strip() for name, value in environ.items() for line in _secret_lines(name, value)]
    return tuple(
        dict.fromkeys(
            line for line in lines if len(line) >= LEAST_LENGTH and not any(line in value for value in open_values)
        )
    )


def lines_shown(lines: Sequence[str]) -> tuple[str, ...]:
    """Redact credentials and Secrets in the lines of one text, even if a credential or Secret spans several lines."""
    text = without_secret_data("\n".join(map(without_secret_errors, lines)))
    return tuple(_without_tokens(text).split("\n")) if lines else ()


class DocumentLine(str):
    """A line of a document that contains no Secret, so that its fields ``data`` stay visible.

    Known secrets and tokens are redacted in it, as in every text.
    """

    __slots__ = ()


def everywhere(value: T, redact: Redact) -> T:
    """Return a copy of a value in which all texts are sanitized and redacted.

    Dataclasses, mappings and sequences are processed at any depth.
    """

    # Cache the redacted texts, because a large application contains the same texts thousands of times.
    @lru_cache(maxsize=10_000, typed=True)
    def safe(text: str) -> str:
        if isinstance(text, DocumentLine):
            return DocumentLine(redact(clean(text, limit=max(len(text), TEXT_LIMIT))))
        # Remove escape sequences before the redaction. An escape sequence inside a secret would prevent a match.
        return redact(without_secret_data(clean(text, limit=TEXT_LIMIT)))

    redacted: T = _everywhere(value, safe)
    return redacted


# Types that contain no text, so their values are never redacted.
_PLAIN: Final = frozenset({type(None), bool, int, float, datetime})


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind) if part.init)


def _everywhere(value: Any, redact: Redact) -> Any:
    # Check the most frequent types first, for speed.
    if type(value) is str:
        return redact(value)
    if type(value) in _PLAIN or (type(value) is tuple and not value):
        return value
    match value:
        case Enum():
            return value
        case str():
            return redact(value)
        case Mapping():
            return {key: _everywhere(item, redact) for key, item in value.items()}
        case tuple() if hasattr(value, "_fields"):
            # Redact each field of a NamedTuple on its own. The elements of other sequences can be the lines of one
            # text.
            return type(value)(*(_everywhere(item, redact) for item in value))
        case tuple() | list():
            parts = _together(value, redact) or [_everywhere(item, redact) for item in value]
            return value if len(parts) == len(value) and all(map(is_, parts, value)) else type(value)(parts)
        case _ if is_dataclass(value) and not isinstance(value, type):
            before = {name: getattr(value, name) for name in _fields(type(value))}
            after = {name: _everywhere(part, redact) for name, part in before.items()}
            # To save memory, copy an object only if one of its texts has changed.
            return value if all(map(is_, before.values(), after.values())) else replace(value, **after)
        case _:
            return value


def _together(texts: Sequence[Any], redact: Redact) -> Sequence[str]:
    """Redact the lines as one text, and return the redacted lines.

    Return an empty tuple if there are fewer than two lines, or if no secret spans several of them.
    """
    if len(texts) < 2 or not all(isinstance(text, str) for text in texts):  # noqa: PLR2004 - a single line
        return ()
    kind = DocumentLine if all(isinstance(text, DocumentLine) for text in texts) else str
    whole = kind("\n".join(texts))
    alone = [redact(text) for text in texts]
    redacted = redact(whole)
    return () if redacted == "\n".join(alone) else [kind(line) for line in redacted.split("\n")]


def _forms(secret: str) -> set[str]:
    """Return all forms in which the secret can occur: plain, or encoded for JSON, XML, YAML, URLs, shells or base64."""
    plain = {secret, clean(secret), one_line(secret, limit=len(secret))}
    written = {json.dumps(text, ensure_ascii=pure)[1:-1] for text in plain for pure in (True, False)}
    # By default, Go's JSON encoder also escapes these characters (encoding/json HTMLEscape).
    written |= {text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") for text in written}
    # The secret can also be in JSON inside a JSON string, for example in an annotation that contains a manifest. In a
    # log, this JSON can be a string of other JSON.
    for _ in range(2):
        written |= {json.dumps(text, ensure_ascii=False)[1:-1] for text in written}
    # Some JSON encoders, such as those of PHP and Java, escape the slash.
    written |= {text.replace("/", "\\/") for text in written}
    # Python's repr escapes like this.
    written.add(secret.encode("unicode_escape").decode("ascii"))
    encoded = secret.encode("utf-8", "surrogateescape")
    urls = {quote(encoded, safe=""), quote(encoded), quote_plus(encoded), quote(encoded, safe="/:!$&'()*+,;=@")}
    urls |= {re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), url) for url in urls}
    markup = {(escaped := html.escape(secret, quote=False)), escaped.replace('"', "&quot;"), html.escape(secret)}
    markup.add(escaped.replace('"', "&#34;").replace("'", "&#39;"))
    # The forms of a quote in YAML, in Python's repr, and in the arguments of a shell.
    quotes = {secret.replace("'", quote) for quote in ("''", "\\'", "'\\''", "'\"'\"'")}
    return plain | written | urls | markup | quotes | set(_base64(encoded))


def _base64(secret: bytes) -> Iterator[str]:
    """Yield the base64 encodings of the secret: encoded alone, and as a part of a longer text."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(secret).decode("ascii")
        for before in range(3):
            whole = (before + len(secret)) // 3 * 3 - before
            # Leave out the characters at both ends of the encoded secret, because they also depend on the adjacent
            # text.
            yield encode(bytes(before) + secret[:whole]).decode("ascii")[(before * 8 + 5) // 6 :]


def _without_halves(text: str, secrets: Sequence[str]) -> str:
    """Replace incomplete secrets next to a place where ``clean`` has cut the text.

    If ``clean`` removes a part of a secret, a search for the whole secret does not find the rest.
    """
    cuts = list(_CUT.finditer(text))
    # Start with the last cut, because each replacement changes the positions after it.
    for cut in reversed(cuts):
        before, mark, after = text[: cut.start()], cut[0], text[cut.end() :]
        beginning = next((half for secret in secrets if (half := _beginning(before[-len(secret) :], secret))), 0)
        # A space separates the mark of the cut from the text after it, so skip one character.
        end = next((half for secret in secrets if (half := _end(after[1 : len(secret) + 1], secret))), 0)
        before = before[: len(before) - beginning] + REDACTED * bool(beginning)
        text = f"{before}{mark}{f' {REDACTED}{after[end + 1 :]}' if end else after}"
    return text


def _end(text: str, secret: str) -> int:
    """Return the length of the longest end of the secret with which the text begins; 0 if it is too short."""
    return _beginning(text[::-1], secret[::-1])


def _beginning(text: str, secret: str) -> int:
    """Return the length of the longest beginning of the secret with which the text ends; 0 if it is too short."""
    lengths = range(len(secret) - 1, LEAST_LENGTH // 2 - 1, -1)
    return next((length for length in lengths if text.endswith(secret[:length])), 0)


def _without_tokens(text: str) -> str:
    for pattern, kept in CREDENTIAL_PATTERNS:
        at = "@" if kept.endswith("@") else ""
        text = pattern.sub(rf"{kept.removesuffix('@')}{REDACTED}{at}", text)
    lower = text.lower()
    return _NAMED_VALUE.sub(rf"\1\2\3{REDACTED}", text) if any(part in lower for part in _NAMED_PARTS) else text


def _secret_lines(name: str, value: str) -> Iterator[str]:
    if "@" in value or "=" in value:
        for word in value.split():
            yield from credentials_in(word)
    if name.upper().endswith("DSN"):
        yield from (password for pair in _DSN_PASSWORD.findall(value) for password in pair if password)
    if _says_secret(name.upper(), value):
        yield from (value, *value.splitlines())


def _says_secret(name: str, value: str) -> bool:
    name = name.removeprefix(_HANDED_ON)
    words = name.split("_")
    if words[-1] in _NO_SECRET or ("SECRET" in words and not _POINTERS.isdisjoint(words) and _NAME.fullmatch(value)):
        return False
    return (
        not _SECRET_WORDS.isdisjoint(words)
        or any(f"_{word}".endswith(_SECRET_ENDS) for word in words[:-1])
        or name.endswith(_SECRET_ENDS)
        or any(key in name for key in _SECRET_KEYS)
    )


_SENSITIVE: Final = r"(?:token|passw|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|signature|credential|auth)"
_NAMED: Final = (
    r"(?:passw(?:or)?d|passphrase|api[_-]?key|(?:access|secret|private|account|encryption)[_-]?key"
    r"|(?:auth|access|refresh|bearer|argocd\.)[_-]?token|client[_-]?secret)"
)
# All quantifiers are possessive or bounded, so that no untrusted text can make a pattern backtrack.
#: Patterns of credentials, each with a template for the part of the match to keep.
CREDENTIAL_PATTERNS: Final = (
    # A private key, which can be cut off at its end.
    (
        re.compile(
            r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE[ ]KEY(?: BLOCK)?-----)"
            r"(?:[^-]++|-(?!----END))*+(?:-----END [A-Z0-9 ]{0,40}-----)?"
        ),
        r"\1",
    ),
    # A JSON Web Token, which can be cut off at its end.
    (re.compile(rf"(?<![\w-])(?>([\w-]*?)eyJ)[\w-]{{8,}}+(?:\.[\w-]{{8,}}+\.[\w-]*+|(?:\.[\w-]*+)?(?={CUT}))"), r"\1"),
    # Tokens of GitLab, GitHub, AWS, Slack, HashiCorp Vault, npm, Docker Hub, Google, Stripe, SendGrid, PyPI, OpenAI,
    # Anthropic, DigitalOcean, Shopify, age.
    (
        re.compile(
            r"(?<![A-Za-z0-9])(?:gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[\w.-]{8,}+"
            r"|gh[opusr]_[A-Za-z0-9]{8,}+|github_pat_\w{8,}+|(?:AKIA|ASIA)[A-Z0-9]{12,}+"
            r"|xox[abeprs]-[\w-]{6,}+|xapp-[\w-]{8,}+|hv[sbr]\.[\w-]{8,}+|npm_[A-Za-z0-9]{20,}+"
            r"|dckr_[a-z]{3}_[\w-]{8,}+|AIza[\w-]{30,}+|[sr]k_(?:live|test)_[A-Za-z0-9]{8,}+|SG\.[\w-]{8,}+\.[\w-]{8,}+"
            r"|pypi-[\w-]{20,}+|sk-(?:proj|ant|svcacct)-[\w-]{16,}+|dop_v1_\w{20,}+|shp(?:at|ca|pa|ss)_\w{20,}+"
            r"|AGE-SECRET-KEY-1\w{20,}+)"
        ),
        "",
    ),
    (re.compile(r"(?i)\b(bearer\s++)[\w.~+/=-]{8,}+"), r"\1"),
    # The word after "Basic" is a credential unless it consists of lower-case letters, as in "Basic authentication".
    (re.compile(r"\b((?i:basic)\s++)(?![A-Za-z]?[a-z]*+(?![\w+/=-]))[\w+/=-]{8,}+"), r"\1"),
    # A password in a URL. It can contain the character @. But if @sha256 follows a text, the text is an image's tag.
    (re.compile(r"(://[^\s/:@]*+:)(?:[^\s/@]*+@(?!sha\d))++"), r"\1@"),
    # A password with a slash in a URL. If a number follows the colon, it is a port and not a password.
    (re.compile(r"(://[^\s/:@]*+:)(?!\d{1,5}+(?:[/?#\s\"']|$))[^\s@\"']{1,200}+@(?!sha\d)"), r"\1@"),
    # A token that is used as the user name of a URL.
    (re.compile(r"(https?://)[^\s/:@]{12,300}+@"), r"\1@"),
    # A password in a URL without a scheme. A number between the colon and a slash is a port and not a password.
    (
        re.compile(r"(?<![^\s\"'(=,])([\w.%+~-]{1,64}+:)(?!//|\d{1,5}/)(?:[^\s@\"']{1,200}+@(?!sha\d))++(?=[\w\[])"),
        r"\1@",
    ),
    # The value of an HTTP header with a token.
    (re.compile(r"(?i)(?<![\w-])((?:private|job|deploy|x-[a-z-]{0,30}?)-?(?:token|key):[ ]++)[\w.~+/=-]{8,}+"), r"\1"),
    # The value of a URL parameter whose name suggests a secret.
    (re.compile(rf"(?i)([?&](?=[\w.-]{{0,40}}?{_SENSITIVE})[\w.-]{{1,80}}+=)[^\s&#\"'<>]++"), r"\1"),
)
# The value of a variable, option or field whose name suggests a secret, such as "password=value". A value that begins
# with one of "$<*{[" is a reference or a placeholder.
_NAMED_VALUE: Final = re.compile(
    rf"(?i)({_NAMED}(?:\\*+[\"']\s*+[:=]>?\s*+\\*+[\"']|=\\*+[\"']))(?![$<*{{\[])"
    # In a text with quotes around it, the quotes of the value have a backslash.
    r"(?:(?<=\\[\"'])[^\"'\\\n]++|(?<=\")(?:[^\"\\\n]++|\\.)++|(?<=')(?:[^'\\\n]++|\\.)++)"
    rf"|({_NAMED}=)(?![$<*{{\[])[^\s;,&\"'\\)\]}}]++"
    rf"|((?<![\w-])--[\w-]{{0,30}}{_NAMED}[ ]++)(?![$<*{{\[-])[^\s\"'\\]++"
)
# The parts of the names in _NAMED. Searching for them first saves time, because few texts contain one.
_NAMED_PARTS: Final = ("passw", "passphrase", "key", "token", "secret")
_PARAMETER: Final = re.compile(rf"(?i)[?&;](?=[\w.-]{{0,40}}?{_SENSITIVE})[\w.-]{{1,80}}+=([^\s&#;]++)")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}+")
_PORT: Final = re.compile(r"\d{1,5}+(?:[/?#]|$)")
_DIGEST: Final = re.compile(r"sha\d")


def credentials_in(address: str) -> Iterator[str]:
    """Yield the passwords and tokens in a URL, both as written and URL-decoded.

    The scheme of the URL can be missing. The URL can be invalid, for example because of the characters in a password.
    """
    for match in _PARAMETER.findall(address):
        yield from (match, unquote(match))
    scheme, separator, rest = address.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        scheme, separator, rest = "", "", address
    account, at, server = rest.rpartition("@")
    user, colon, password = account.partition(":")
    # If there is no @ before the first slash, a number after the colon is a port.
    is_port = colon and "@" not in re.split(r"[/?#]", rest, maxsplit=1)[0] and _PORT.match(password)
    if not at or is_port or (not separator and "/" in user) or (not separator and _DIGEST.match(server)):
        return
    # The password and the path can also contain the character @, so the end of the password is not certain. Yield all
    # possible passwords.
    for candidate in (
        password,
        password.partition("@")[0],
        re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[0].partition(":")[2],
    ):
        if candidate:
            yield from (candidate, unquote(candidate))
    if not colon and scheme.lower() in {"http", "https"}:
        yield from (user, unquote(user))
