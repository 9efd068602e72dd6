"""What no output may show: known secrets, whatever looks like a token, and the data of Secrets.

Argo CD's messages can quote whole objects (argo-cd GHSA-47g2-qmh2-749v), and a program's log can print anything. What
is judged and asked for stays as it is: texts are redacted where they leave, never before, and never a rendered file.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from argocd_release.core.text import CUT, clean, one_line

REDACTED: Final = "[redacted]"


LEAST_LENGTH: Final = len("12345678")


TEXT_LIMIT: Final = 400_000


Redact = Callable[[str], str]


T = TypeVar("T")


# Possessive and atomic throughout: no text from outside may make a pattern try twice.
_TOKENS: Final = (
    # A JSON Web Token, also one that was cut off.
    (re.compile(rf"(?<![\w-])(?>([\w-]*?)eyJ)[\w-]{{8,}}+(?:\.[\w-]{{8,}}+\.[\w-]*+|(?:\.[\w-]*+)?(?={CUT}))"), r"\1"),
    (re.compile(r"(?i)\b(bearer\s++)[\w.~+/=-]{8,}+"), r"\1"),
    # But not "Basic authentication": base64 has more than small letters.
    (re.compile(r"\b((?i:basic)\s++)(?![A-Za-z]?[a-z]*+(?![\w+/=-]))[\w+/=-]{8,}+"), r"\1"),
    # The password in a URL; what stands before a digest is an image's tag.
    (re.compile(r"(://[^\s/:@]*+:)[^\s/@]++(?=@(?!sha\d))"), r"\1"),
)


_CUT: Final = re.compile(CUT)


_JSON_DATA: Final = re.compile(r'(?<!\\)(\\*+)"(?:data|stringData)\1"\s*+:\s*+\{')


_JSON_MARK: Final = re.compile(r'(?<!\\)(\\*+)"|[{}]')


# The same object as Go prints a map. Its values stand there without quotes, so nobody can tell where it ends.
_GO_DATA: Final = re.compile(r"\b((?:data|stringData|Data|StringData):\s*+map\[)(?!\[redacted\])")


# What the API server says at the end, in words of its own: it names a field or a type, and no value
# (k8s.io/apimachinery v0.31.0 pkg/runtime/converter.go; encoding/json UnmarshalTypeError).
_KIND: Final = r"(?:string|bool|slice|map|struct|interface|u?int\d*+|float\d*+)"


_TAIL: Final = re.compile(
    r"json: cannot unmarshal (?:string|number|bool|array|object) into Go struct field [\w.]++ of type [\w.\[\]]++"
    rf"|(?:unrecognized type:|cannot restore (?:slice|map|struct) from:?|cannot convert {_KIND} to:?) {_KIND}\b"
)


_YAML_DATA: Final = re.compile(r"^([ \t]*+)(?:- )?(?:data|stringData):[ \t]*+$", re.MULTILINE)


_FLAT_SECRET: Final = re.compile(r"\bkind: Secret\b")


_FLAT_DATA: Final = re.compile(r"\b(?:data|stringData):(?= (?!\[redacted\]|map\[))")


# Words in the name of a variable that make its value a secret, and last words that say it is something else.
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


# GitLab's Auto DevOps hands every variable with this prefix to the application, secret or not.
_HANDED_ON: Final = "K8S_SECRET_"


# With one of these a SECRET is a Secret of Kubernetes or a path in a vault, where the value reads like a name.
_POINTERS: Final = frozenset({"PULL", "IMAGEPULL", "IMAGE", "REGISTRY", "VAULT", "TLS", "K8S", "KUBE", "KUBERNETES"})


_NAME: Final = re.compile(r"[a-z]++\d{0,2}+(?:[-./][a-z]++\d{0,2}+)*+")


_URL_PASSWORD: Final = re.compile(r"://[^\s/:@]*+:([^\s/@]++)@")


_DSN_PASSWORD: Final = re.compile(r"(?:^[^\s:/@]*+:([^\s@]++)@|password=([^\s;&]++))")


def redaction(secrets: Iterable[str]) -> Redact:
    """A function that replaces the secrets, also as XML, JSON, URLs and base64 have them, and what looks like one.

    A text that was cut off (``text.clean``) may end in the beginning of a secret, which is replaced too.
    """
    known = {form for secret in secrets for form in _forms(secret) if len(form) >= LEAST_LENGTH}
    # The longest first: one may be a part of another.
    ordered = sorted(known, key=len, reverse=True)

    def redact(text: str) -> str:
        if len(text) < LEAST_LENGTH:
            return text
        for secret in ordered:
            text = text.replace(secret, REDACTED)
        text = _without_halves(text, ordered)
        for pattern, kept in _TOKENS:
            text = pattern.sub(rf"{kept}{REDACTED}", text)
        return text

    return redact


def masked(environ: Mapping[str, str], *, shown: Iterable[str] = ()) -> tuple[str, ...]:
    """Values that are secret by their variable's name, and passwords inside values.

    Never one that stands in one of ``shown``, whole or in part: people must see those. GitLab does not tell a job which
    of its variables are masked.
    """
    open_values = tuple(shown)
    lines = [line.strip() for name, value in environ.items() for line in _secret_lines(name, value)]
    return tuple(
        dict.fromkeys(
            line for line in lines if len(line) >= LEAST_LENGTH and not any(line in value for value in open_values)
        )
    )


def without_data(text: str) -> str:
    """The text without what an object quoted in it has under ``data`` or ``stringData``: as JSON, Go's map or YAML.

    Where nobody can tell where that ends, nothing that follows is shown.
    """
    return _without_yaml(_without_go(_without_json(text)))


def everywhere(value: T, redact: Redact) -> T:
    """The same value with each text in it clean and redacted: dataclasses, mappings, sequences."""

    # An application of thousands of resources says the same words thousands of times.
    @lru_cache(maxsize=10_000)
    def safe(text: str) -> str:
        # An escape sequence inside a secret would hide it from the search, and be taken out afterwards.
        return redact(without_data(clean(text, limit=TEXT_LIMIT)))

    redacted: T = _everywhere(value, safe)
    return redacted


def _everywhere(value: Any, redact: Redact) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return redact(value)
        case Mapping():
            return {key: _everywhere(item, redact) for key, item in value.items()}
        case tuple() | list():
            return type(value)(_everywhere(item, redact) for item in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            parts = {part.name: getattr(value, part.name) for part in fields(value) if part.init}
            return replace(value, **{name: _everywhere(part, redact) for name, part in parts.items()})
        case _:
            return value


def _forms(secret: str) -> set[str]:
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    encoded = secret.encode("utf-8", "surrogateescape")
    elsewhere = {quote(encoded, safe=""), base64.b64encode(encoded).decode("ascii")}
    elsewhere |= {escape(secret), escape(secret, {'"': "&quot;"})}
    return {secret, clean(secret), one_line(secret, limit=len(secret))} | quoted | elsewhere


def _without_halves(text: str, secrets: Sequence[str]) -> str:
    cuts = [found.start() for found in _CUT.finditer(text)]
    # The last first, so that the places of the others stay what they are.
    for cut in reversed(cuts):
        half = next((half for secret in secrets if (half := _half(text[max(0, cut - len(secret)) : cut], secret))), 0)
        text = text[: cut - half] + (REDACTED if half else "") + text[cut:]
    return text


def _half(text: str, secret: str) -> int:
    """How many characters of the secret the text ends in; 0 for what is too short to say anything."""
    lengths = range(len(secret) - 1, LEAST_LENGTH // 2 - 1, -1)
    return next((length for length in lengths if text.endswith(secret[:length])), 0)


def _secret_lines(name: str, value: str) -> Iterator[str]:
    passwords = _URL_PASSWORD.findall(value)
    if name.upper().endswith("DSN"):
        passwords += [found for pair in _DSN_PASSWORD.findall(value) for found in pair if found]
    for password in passwords:
        yield from (password, unquote(password))
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


def _without_json(text: str) -> str:
    parts: list[str] = []
    position = 0
    while (found := _JSON_DATA.search(text, position)) is not None:
        end = _end_of_object(text, found.end(), len(found[1]))
        parts += [text[position : found.end() - 1], f"{{{REDACTED}"]
        if end is None:
            return "".join((*parts, _tail(text, found.end())))
        parts.append("}")
        position = end
    parts.append(text[position:])
    return "".join(parts)


def _end_of_object(text: str, position: int, depth: int) -> int | None:
    """Where the JSON object that is open at ``position`` ends; ``None`` if it does not, or not surely.

    ``depth``: how many backslashes a quote of its own has: 0, in a string 1, in a string of a string 3, and so on. A
    quote inside one of its strings has 2 * depth + 1 of them, after an even number of escaped backslashes.
    """
    if depth & (depth + 1):
        return None
    level, quoted = 1, False
    unit = 2 * (depth + 1)
    for mark in _JSON_MARK.finditer(text, position):
        if mark[1] is None:
            if not quoted:
                level += 1 if mark[0] == "{" else -1
            if not level:
                return mark.end()
        elif len(mark[1]) % unit == depth:
            quoted = not quoted
        elif not quoted or len(mark[1]) % unit != unit - 1:
            return None
    return None


def _without_go(text: str) -> str:
    found = _GO_DATA.search(text)
    if found is None:
        return text
    return text[: found.end()] + REDACTED + _tail(text, found.end())


def _tail(text: str, position: int) -> str:
    said = [found[0] for found in _TAIL.finditer(text, position)]
    return f" … {said[-1]}" if said else ""


def _without_yaml(text: str) -> str:
    flat = _FLAT_DATA.search(text) if _FLAT_SECRET.search(text) else None
    if flat is not None:
        text = f"{text[: flat.end()]} {REDACTED}"
    if _YAML_DATA.search(text) is None:
        return text
    kept: list[str] = []
    inside = -1
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" \t"))
        if inside >= 0 and (not line.strip() or indent > inside):
            if REDACTED not in kept[-1]:
                kept[-1] += f" {REDACTED}"
            continue
        header = _YAML_DATA.match(line)
        inside = indent if header else -1
        kept.append(line)
    return "\n".join(kept)
