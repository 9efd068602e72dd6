"""Hide the values of Kubernetes Secrets, and objects dumped by Go programs, in messages and longer texts.

Argo CD's messages can contain whole objects (argo-cd GHSA-47g2-qmh2-749v). A message about a Secret only keeps the
phrases of an allow list: field paths, types and known phrases. All other words are hidden. In a longer text, such as a
log, only recognisable objects are hidden. Callers must pass complete texts, because a value can span several lines.
"""

import re
from typing import Final

from argocd_release.core.yaml_secrets import REDACTED, SECRET_KIND, without_yaml

#: The maximum length of a message in characters. The rest of a longer message is cut off.
MESSAGE_SIZE: Final = 400_000

_NAME: Final = r"[a-z0-9][a-z0-9.-]{0,252}+"
_TYPE: Final = r"(?:\[\]|map\[string\]|\*)*+[\w.]{1,60}+"
_GO_KIND: Final = r"(?:string|bool|slice|map|struct|interface|u?int\d*+|float\d*+)"
# Phrases of Argo CD, kubectl, client-go and the API server that show that a message is about a Secret.
_ABOUT_SECRET: Final = re.compile(
    r'Kind=Secret\b|\bSecret "|\bsecrets "|\bSecret in version |struct field Secret\.|\bv1\.Secret\{|\bcore\.Secret\{'
    r"|\bkind\\*+\"?+:[ ]?\\*+\"?+Secret\b|(?<![\w./-])Secret/|\bstringData\b"
)
# The allow list: phrases that contain names of fields, types or objects, but never values. Sources:
# k8s.io/apimachinery v0.31 pkg/api/errors, pkg/util/validation, pkg/runtime/converter.go; structured-merge-diff v4
# typed/helpers.go; encoding/json; k8s.io/apiserver admission; gitops-engine pkg/sync.
_PHRASES: Final = (
    rf'(?:The )?(?:Secret|secrets) "{_NAME}" (?:is invalid|is forbidden|not found|already exists)',
    r'Secret in version "v1" cannot be handled as a Secret',
    rf'(?:namespaces|serviceaccounts|customresourcedefinitions\.[\w.]{{1,40}}) "{_NAME}" not found',
    rf'(?:Secret|secrets) "{_NAME}"',
    rf"secrets?/{_NAME} (?:created|configured|unchanged|replaced|patched|pruned|serverside-applied|deleted)",
    rf"Secret/{_NAME}(?:/{_NAME})?+",
    rf"\((?:{_NAME})?+/(?:{_NAME})?+; /v1, Kind=Secret\)|\(/v1, Kind=Secret\)|/v1, Kind=Secret",
    r"(?:Kind|Resource|GroupVersionKind|Name|Namespace): \"[\w./, =-]{0,253}+\"",
    r"error (?:when )?(?:applying patch|patching|creating|replacing|retrieving current configuration of)",
    r"failed to (?:create typed (?:patch|live|new) object|convert new object|get typed|perform client side apply)",
    r"unable to convert unstructured object to|to proper version|error decoding from json|unable to decode",
    r"Error from server(?: \(\w{1,40}\))?+|The request is invalid|the server rejected our request",
    (
        r"(?:\.?(?:data|stringData|metadata|type|immutable|kind|apiVersion|unknown)"
        r"(?:\.[\w-]{1,100}+|\[[\w./-]{1,100}+\])*+)"
        r"(?=: (?:expected|Invalid|Required|Unsupported|Forbidden|Duplicate|Too|Not found|Internal|field not|must))"
    ),
    r"expected (?:string|map|list|boolean|numeric \(int or float\)|numeric|scalar|integer|object|array), got",
    (
        r"Invalid value|Required value|Unsupported value|Duplicate value|Not found|Internal error(?: occurred)?"
        r"|Too (?:long|many)"
        r"|Forbidden"
    ),
    r"field not declared in schema",
    r"field is immutable(?: when `immutable` is set)?|may not (?:change|be changed) once set|may only be unset",
    (
        r"must have at most \d{1,12} (?:bytes|items)|must be no more than \d{1,6} (?:characters|bytes)"
        r"|may not be (?:longer|more) than \d{1,12}(?: bytes| characters)?"
    ),
    (
        r"a (?:valid config key|valid label|qualified name|lowercase RFC \d{4} (?:label|subdomain)) must "
        r"(?:be an empty string or )?consist of (?:lower case )?alphanumeric characters"
    ),
    r"(?:name|prefix) part must (?:consist of|be non-empty)|must be non-empty|must not be empty",
    rf"json: cannot unmarshal (?:string|number|bool|array|object) into Go struct field [\w.]{{1,100}} of type {_TYPE}",
    rf"json: cannot unmarshal (?:string|number|bool|array|object) into Go value of type {_TYPE}",
    r"illegal base64 data at input byte \d{1,9}",
    (
        rf"unrecognized type: {_GO_KIND}\b|cannot restore (?:slice|map|struct) from:? {_GO_KIND}\b"
        rf"|cannot convert {_GO_KIND} to:? {_GO_KIND}\b"
    ),
    r"errors(?=:\s)|strict decoding error|(?:unknown|duplicate) field(?: \"[\w.\[\]-]{1,200}+\")?|\bpatch(?=: )",
    (
        rf'User "[\w:.@/-]{{1,200}}+" cannot [a-z]{{1,30}} resource "[a-z./]{{1,100}}+" '
        r'in API group "[a-z0-9.-]{0,100}+"'
        rf'(?: in the namespace "{_NAME}"| at the cluster scope)?'
    ),
    rf"unable to create new content in namespace {_NAME} because it is being terminated",
    r"exceeded quota: [a-z0-9.-]{1,253}+(?:, (?:requested|used|limited): (?:[\w./-]{1,60}=[\w.]{1,20},?)+)*+",
    (
        rf'admission webhook "{_NAME}" denied the request|failed calling webhook "{_NAME}"|failed to call webhook'
        rf'|no endpoints available for service "{_NAME}"'
        r'|Post "https://[a-z0-9.-]{1,253}(?::\d{1,5})?(?:/[\w.-]{1,63}){0,9}\?timeout=\d{1,3}s"'
    ),
    r"ValidatingAdmissionPolicy '[a-z0-9.-]{1,253}+' (?:with binding '[a-z0-9.-]{1,253}+' )?denied request",
    r"resource Secret/[a-z0-9./-]{1,500} was blocked due to the following policies",
    (
        r"the object has been modified; please apply your changes to the latest version and try again"
        r""
        r"|Operation cannot be fulfilled on"
    ),
    (
        r"Apply failed with \d{1,4} conflicts?|the server "
        r"(?:could not find the requested resource|is currently unable to handle the request|was unable to return a "
        r"response in the time allotted)"
    ),
    r'no matches for kind "Secret" in version "v1"',
    r"etcdserver: (?:request timed out|leader changed|request is too large)",
    (
        r"context deadline exceeded|connection (?:refused|reset by peer|timed out)|i/o timeout|no such host"
        r"|Unauthorized|too many requests|Too Many Requests|TLS handshake timeout|unexpected EOF"
        r"|http2: client connection lost"
        r"|x509: certificate (?:signed by unknown authority|has expired or is not yet valid)"
    ),
    r"dial tcp(?: [\d.:\[\]a-f]{1,60}(?=: ))?: (?:lookup [\w.-]{1,253}(?: on [\d.:]{1,40})?(?=: )|connect)",
    (
        r"one or more (?:objects failed to apply(?: \(dry run\))?|synchronization tasks (?:are not valid|completed "
        r"unsuccessfully))(?:, reason)?"
    ),
    r"Retrying attempt #\d{1,6} at [\d:]{1,8}[AP]M|retried \d{1,6} times",
    r"waiting for (?:healthy state|deletion|completion)",
    (
        r"Resource not found in cluster|Failed to (?:load|compare) [a-z ]{1,30}state|resource mapping not found"
        r"|ignored \(requires pruning\)|ignored \(no prune\)|pruned|unchanged|created|configured"
    ),
    # Phrases of Argo CD's messages about resources (argo-cd v2.13.2 controller/state.go, gitops-engine pkg/sync).
    (
        r"is part of applications [a-z0-9./-]{1,300} and [a-z0-9./-]{1,300}"
        r"|appeared \d{1,6} times among application resources"
    ),
    (
        r"[Rr]esource [\w.]{0,100}:Secret is not permitted in project [\w.-]{1,100}"
        r"|namespace [a-z0-9-]{1,63} is not permitted in project '?[\w.-]{1,100}'?"
    ),
    r"[Rr]esource(?= /?Secret)|is excluded in the settings|requires pruning|Pending deletion|/v1/Secret|v1/Secret",
)
_SAFE: Final = re.compile("|".join(f"(?:{phrase})" for phrase in _PHRASES))
_GLUE: Final = re.compile(r"[\s:;,.*()]*+")
# The phrases after which the API server prints a whole object.
_VALUE: Final = re.compile(r"\b(?:Invalid|Unsupported|Duplicate) value: (?=[\"&*{\[\w])|, got (?=&)")
_PLAIN_VALUE: Final = re.compile(r"(?<![\w.-])-?[\w.]++(?=: |$)")
_QUOTED: Final = re.compile(r'"(?:[^"\\]++|\\.)*+("?)', re.DOTALL)
# The start of an object in Go's syntax: its type and an opening bracket, as the format %#v prints them. If the
# character & precedes the type, the format was %v and the object a pointer.
_GO_SYNTAX: Final = re.compile(
    r"&?(?:\[\]|\*)*+(?:map\[string\][\w.]{1,60}+(?: \{\})?|[a-zA-Z]\w{0,40}\.[A-Z]\w{0,60})\{"
)
_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\]()]', re.DOTALL)
_YAML_VALUE: Final = re.compile(r"(cannot unmarshal !!\w{1,20} )`[^`]{0,200}+`(?= into )")
#: The maximum length of a quoted value to show. Longer values are hidden.
_QUOTED_LIMIT: Final = 120

_JSON_DATA: Final = re.compile(r'(?<!\\)(\\*+)"(?:data|stringData)\1"\s*+:\s*+\{')
_JSON_MARK: Final = re.compile(r'(?<!\\)(\\*+)"|[{}]')
# The data of a Secret, printed by Go as a map. The values are not quoted, so the end of the map cannot be determined.
_GO_DATA: Final = re.compile(r"\b((?:data|stringData|Data|StringData):\s*+map\[)(?!\[redacted\])")
# The beginning of an error of the API server that can quote the values of a Secret.
_SECRET_ERROR: Final = re.compile(
    rf'(?:The )?Secret "{_NAME}" is invalid: |Secret in version "v1" cannot be handled|'
    r"json: cannot unmarshal \w{1,20} into Go struct field Secret\."
)

# A Secret in a single line: YAML with escaped line breaks, for example in a JSON log, or a Python dict.
_ESCAPED_KIND: Final = re.compile(r"(?:\\n[ -]*+|\b)kind: [\"'\\]*+Secret\b")
_ESCAPED_DATA: Final = re.compile(r"((?:\\n[ -]*+|[\"'])(?:data|stringData):)[^\n]*+")
_PYTHON_KIND: Final = re.compile(r"'kind': 'Secret'")
_PYTHON_DATA: Final = re.compile(r"('(?:data|stringData)':)[^\n]*+")


def message_shown(text: str, *, kind: str = "") -> str:
    """Hide the values of Secrets and dumped Go objects in a message.

    Args:
        text: the whole message.
        kind: the kind of the object that the message describes, or an empty string if it is unknown.
    """
    text = text[:MESSAGE_SIZE]
    if kind == "Secret" or _ABOUT_SECRET.search(text):
        return _safe_phrases(text)
    return without_secret_data(_without_dumps(text))


def contains_secret(text: str) -> bool:
    """Return True if the text contains a Secret, such as a manifest that embeds the manifest of one."""
    return SECRET_KIND.search(text) is not None or _ABOUT_SECRET.search(text) is not None


def without_secret_data(text: str) -> str:
    """Hide the fields ``data`` and ``stringData`` of objects in JSON, YAML or the syntax of Go's maps.

    If the end of such a field cannot be determined, hide the rest of the text.
    """
    return without_yaml(_without_go(_without_json(_without_one_line(text))))


def _safe_phrases(text: str, position: int = 0) -> str:
    """Return the text after ``position``. Hide all parts of it that are not phrases of the allow list."""
    parts: list[str] = []
    for phrase in _SAFE.finditer(text, position):
        parts += [_hidden(text[position : phrase.start()]), phrase[0]]
        position = phrase.end()
    parts.append(_hidden(text[position:]))
    return re.sub(r"(?:\[redacted\][\s,]*+){2,}", f"{REDACTED} ", "".join(parts)).strip()


def _hidden(gap: str) -> str:
    """Replace the text between two phrases of the allow list by a mark, but keep the punctuation at its ends."""
    before = _GLUE.match(gap)
    assert before is not None  # noqa: S101 - it matches an empty text too
    if before.end() == len(gap):
        return gap
    after = ": " if gap.endswith(": ") else ". " if gap.endswith(". ") else " " if gap[-1:].isspace() else ""
    return f"{before[0]}{REDACTED}{after}"


def _without_dumps(text: str) -> str:
    """Hide the objects that a message quotes after phrases such as "Invalid value", but keep the text after them."""
    text = _YAML_VALUE.sub(rf"\1{REDACTED}", text)
    parts: list[str] = []
    position = 0
    for value in _VALUE.finditer(text):
        if value.start() < position:
            continue
        start = value.end()
        end = _end_of_value(text, start)
        if end is None:
            return "".join((*parts, text[position:start], _safe_phrases(text, start)))
        quoted = text[start:end]
        is_object = quoted[:1] != '"' or quoted[1:5] in {"map[", "&{ma"} or quoted[1:3] in {"{\\", "[{"}
        if not _PLAIN_VALUE.fullmatch(quoted) and (is_object or len(quoted) > _QUOTED_LIMIT):
            quoted = REDACTED
        parts += [text[position:start], quoted]
        position = end
    return _without_bare_dumps("".join((*parts, text[position:])))


def _without_bare_dumps(text: str) -> str:
    """Hide all objects in Go's syntax, at all places in the text."""
    parts: list[str] = []
    position = 0
    while (dump := _GO_SYNTAX.search(text, position)) is not None:
        end = _end_of_brackets(text, dump.end() - 1)
        parts += [text[position : dump.start()], REDACTED]
        if end is None:
            return "".join((*parts, " ", _safe_phrases(text, dump.end())))
        position = end
    parts.append(text[position:])
    return "".join(parts)


def _end_of_value(text: str, start: int) -> int | None:
    """Return the end position of the value that begins at ``start``, or None if it cannot be determined."""
    if (quoted := _QUOTED.match(text, start)) is not None:
        return quoted.end() if quoted[1] else None
    if (plain := _PLAIN_VALUE.match(text, start)) is not None:
        return plain.end()
    if (syntax := _GO_SYNTAX.match(text, start)) is not None:
        # The character & shows that Go has printed a pointer with %v. This format does not quote strings. A bracket
        # inside a string could be mistaken for the end of the value, so the end cannot be determined.
        return None if syntax[0].startswith("&") else _end_of_brackets(text, syntax.end() - 1)
    if text[start] in "{[":
        return _end_of_brackets(text, start)
    return None


def _end_of_brackets(text: str, start: int) -> int | None:
    level = 0
    for mark in _BRACKET.finditer(text, start):
        if mark[0] in "{[(":
            level += 1
        elif mark[0] in "}])":
            level -= 1
            if level <= 0:
                return mark.end()
    return None


def _without_one_line(text: str) -> str:
    """Hide the data of each Secret that is in a single line, up to the end of that line."""
    if "Secret" not in text:
        return text
    lines = text.split("\n")
    for kind, data in ((_ESCAPED_KIND, _ESCAPED_DATA), (_PYTHON_KIND, _PYTHON_DATA)):
        lines = [data.sub(rf"\1 {REDACTED}", line) if kind.search(line) else line for line in lines]
    return "\n".join(lines)


def _without_json(text: str) -> str:
    parts: list[str] = []
    position = 0
    while (match := _JSON_DATA.search(text, position)) is not None:
        end = _end_of_object(text, match.end(), len(match[1]))
        parts += [text[position : match.end() - 1], f"{{{REDACTED}"]
        if end is None:
            return "".join((*parts, _tail(text, match.end())))
        parts.append("}")
        position = end
    parts.append(text[position:])
    return "".join(parts)


def _end_of_object(text: str, position: int, depth: int) -> int | None:
    """Return the position after the closing bracket of a JSON object, or None if it cannot be determined.

    Args:
        text: the text that contains the object.
        position: the position after the opening bracket.
        depth: the number of backslashes before each quote. It is 0 for plain JSON, 1 for JSON inside a JSON string,
            3 for JSON inside a string inside a string, and so on. A quote inside a string of the object has
            2 * depth + 1 backslashes, which can follow escaped backslashes.
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
    match = _GO_DATA.search(text)
    if match is None:
        return text
    return text[: match.end()] + REDACTED + _tail(text, match.end())


def _tail(text: str, position: int) -> str:
    """Return the last phrase of the allow list after the position. It usually gives the reason for the error."""
    last = ""
    for phrase in _SAFE.finditer(text, position):
        last = last if phrase[0].startswith(("Retrying", "retried")) else phrase[0]
    return f" … {last}" if last else ""


def without_secret_errors(line: str) -> str:
    """Hide the values that an error of the API server about a Secret quotes in a line of a log."""
    error = _SECRET_ERROR.search(line)
    return line if error is None else line[: error.start()] + _safe_phrases(line, error.start())
