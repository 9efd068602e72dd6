"""Sanitize untrusted text and JSON, and derive names from branches.

The structure of JSON is not trusted either. The helpers treat a value of an unexpected type as empty.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, Self

from argocd_release.core.secret_data import message_shown

LINE_LIMIT: Final = 2000
# A regular expression for the mark that ``clean`` inserts in place of removed text.
CUT: Final = r" … \(\d++ more characters\)"
# The number of characters to keep at the end of a shortened text, because a message often ends with the reason.
_END_LIMIT: Final = 300
# A text is only shortened if it exceeds its limit by more than this, because the mark is about as long.
_SLACK: Final = 40
# The maximum length of a word that is compared with names, because the time of a comparison grows with its square.
_NAME_LIMIT: Final = 300
_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*+[ -/]*+[@-~]"  # CSI sequences, which set colours and move the cursor.
    r"|\x1b\][^\x07\x1b]*+(?:\x07|\x1b\\)?"  # OSC sequences, which set titles and links.
    r"|\x1b[PX^_][^\x1b]*+(?:\x1b\\)?"  # DCS, SOS, PM and APC sequences, which contain a text.
    r"|\x1b[ -/]*+[0-~]"
    r"|\x9b[0-?]*+[ -/]*+[@-~]"
)
# Control characters except tab and line feed, lone surrogates, characters that XML 1.0 forbids, invisible
# characters, and characters that change the direction of text.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
# GitLab interprets two texts anywhere in a line. The first, "section_start:" or "section_end:", controls a collapsible
# section of the job log (lib/gitlab/regex.rb). The second, "[[ATTACHMENT|path]]", links the output of a test to an
# artifact (lib/gitlab/ci/parsers/test/junit.rb).
_SECTION: Final = re.compile(r"section_(start|end):")
_ATTACHMENT: Final = re.compile(r"\[(?=\[ATTACHMENT\|)")
# While a sync waits, Argo CD's message names the first task and counts the others. If the first task is a hook, the
# message calls all others hooks, otherwise resources (gitops-engine pkg/sync/sync_context.go setRunningPhase). So the
# count can include tasks of the other kind.
_MORE: Final = re.compile(r"( and (\d{1,6}+) more )(hooks|resources)\b")
_APPLIED_FILE: Final = re.compile(r'error when \w++ "/dev/shm/\d++": ')
# The prefixes that Argo CD puts before the error of the program that renders the manifests. None of them says what is
# wrong, and "failed to get command args to log" is even wrong (argo-cd v2.13.2 controller/state.go, reposerver/
# repository/repository.go, util/helm, cmpserver/plugin/plugin.go). The prefixes about a chart repeat the one before.
_LAYERS: Final = re.compile(
    r"Failed to load target state: |failed to generate manifest for source \d{1,4} of \d{1,4}: "
    r"|rpc error: code = (?:FailedPrecondition|Internal|InvalidArgument|Unknown) desc = "
    r"|Manifest generation error \(cached\): "
    r"|failed to execute helm template command: |failed to get command args to log: "
    r"|failed to (?:build dependencies|fetch chart|pull OCI chart): |error generating manifests(?: in cmp)?: "
)
# The command line consists only of settings that Argo CD has added. The condition of the application contains it, too.
_HELM_TEMPLATE: Final = re.compile(r"`helm template [^`]{1,2000}+` failed exit status \d{1,3}: Error: ")
# Helm appends this advice to each error of a chart, but users cannot follow it (helm v3.15.4 cmd/helm/template.go).
_HELM_ADVICE: Final = "Use --debug flag to render out invalid YAML"


def clean(text: str, *, limit: int = LINE_LIMIT) -> str:
    """Remove escape sequences and control characters except line feeds and tabs, and shorten the text.

    If the text has more than about ``limit`` characters, replace its middle by a mark with the number of removed
    characters.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit and "section_" not in text and "[[" not in text:
        # Nothing has to be removed from most names. This shortcut saves time, because a large application has thousands
        # of them.
        return text
    if len(text) > limit + _SLACK:
        end = min(limit // 3, _END_LIMIT)
        text = f"{text[: limit - end]} … ({len(text) - limit} more characters) {text[len(text) - end :]}"
    text = _UNPRINTABLE.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))
    return _ATTACHMENT.sub("[ ", _SECTION.sub(r"section-\1:", text))


def one_line(text: str, *, limit: int = 500) -> str:
    """Sanitize the text, and put it on one line with single spaces between its words."""
    return " ".join(clean(text, limit=limit).split())


def counted(number: int, noun: str) -> str:
    """Return the number with the noun in singular or plural: ``1 commit``, ``2 commits``.

    This is the only function that makes plurals. If other words follow the noun, add them after its result.
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def nearest(word: str, names: Iterable[str]) -> str:
    """Return the name that is most similar to the word, or an empty string if none is similar."""
    from difflib import get_close_matches  # noqa: PLC0415 - few jobs have such a mistake

    return next(iter(get_close_matches(word[:_NAME_LIMIT], list(names), 1)), "")


def first_names(names: Sequence[str], most: int, *, left_out: int = 0) -> str:
    """List the first names, and count the others: ``a, b and 3 more``.

    Args:
        names: the names in their order.
        most: the number of names to list.
        left_out: the number of further names that ``names`` does not contain.
    """
    rest = max(len(names) - most, 0) + left_out
    return ", ".join(names[:most]) + (f" and {rest} more" if rest else "")


# The prefix of lines that quote another program. It distinguishes them from the lines of this tool in the job log.
QUOTED: Final = "  | "


def without_applied_file(text: str) -> str:
    """Remove the name of Argo CD's temporary manifest file from a message, and correct the count of further hooks."""
    return _MORE.sub(_named_more, _APPLIED_FILE.sub("", text))


def _named_more(more: re.Match[str]) -> str:
    if more[3] == "hooks":
        return ""
    return f"{more[1]}{'hook or resource' if more[2] == '1' else 'hooks or resources'}"


def without_layers(text: str) -> str:
    """Reduce Argo CD's message about manifests that cannot be rendered to the error of the renderer itself."""
    text = _HELM_TEMPLATE.sub("helm template failed: ", _LAYERS.sub("", text), count=1)
    return text.rstrip().removesuffix(_HELM_ADVICE).rstrip()


#: The number of digits of an abbreviated commit SHA in texts for users, as in GitLab's CI_COMMIT_SHORT_SHA.
SHORT_SHA: Final = 8
_SHA: Final = re.compile(r"(?<![0-9a-zA-Z:@/-])([0-9a-f]{8})[0-9a-f]{32}(?![0-9a-zA-Z])")
# In messages, the kubelet appends the namespace and the uid to the name of a pod: "pod=web-x_default(0b5bc78a-…)".
_POD_UID: Final = re.compile(r"_[a-z0-9-]{1,63}\([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\)")


def without_ids(text: str) -> str:
    """Shorten commit SHAs, and remove the uids of pods. Keep quoted lines, and SHAs in tags and URLs, unchanged."""
    if "(" not in text and _SHA.search(text) is None:
        return text
    return "\n".join(
        line if line.startswith(QUOTED) else _SHA.sub(r"\1", _POD_UID.sub("", line)) for line in text.split("\n")
    )


#: The maximum length of a DNS label, such as a namespace or one part of a host name (RFC 1123).
LABEL_LIMIT: Final = 63
#: The placeholder for the preview tag in an application's name or a site's URL.
TAG: Final = "{tag}"
_OTHERS: Final = re.compile(r"[^a-z0-9]")


def slug(text: str, *, limit: int = LABEL_LIMIT) -> str:
    """Convert the text to lower-case letters, digits and hyphens, with at most ``limit`` characters.

    GitLab computes CI_COMMIT_REF_SLUG from a branch in the same way (gitlab lib/gitlab/utils.rb slugify). The result is
    a valid DNS label or empty.
    """
    return _OTHERS.sub("-", text.lower())[:limit].strip("-")


def tag_of(branch: str, pattern: str) -> str:
    """Return the preview tag of a branch: the part that the pattern matches, as a slug.

    If the pattern has groups, only its first group is used. The tag is empty if the pattern does not match.
    """
    match = re.search(pattern, branch)
    if match is None:
        return ""
    return slug(match[1] or "" if match.re.groups else match[0])


def with_tag(template: str, tag: str) -> str:
    """Insert the preview tag into the template of a name.

    The part after the last slash must be a DNS label, so shorten the tag if that part would become too long.
    """
    room = LABEL_LIMIT - len(template.rpartition("/")[2].replace(TAG, ""))
    return template.replace(TAG, slug(tag, limit=max(room, 0)))


def host_with_tag(template: str, tag: str) -> str:
    """Insert the preview tag into the template of a URL. Shorten the tag so that the host name stays valid."""
    before, _, after = template.partition(TAG)
    label = len(re.split(r"[./@]", before)[-1]) + len(re.split(r"[.:/]", after, maxsplit=1)[0])
    return template.replace(TAG, slug(tag, limit=max(LABEL_LIMIT - label, 0)))


_NAME: Final = re.compile(r"<((?:ARGOCD|RELEASE)_[A-Z_]++)(?:=([\w.-]++))?>")


def with_names(text: str, name_of: Callable[[str, str], str]) -> str:
    """Replace each ``<VARIABLE>`` and ``<VARIABLE=value>`` in a text by the name of the setting that users know.

    Args:
        text: the text.
        name_of: returns the replacement for a variable and its value. The value is empty if the text has none.
    """
    return _NAME.sub(lambda match: name_of(match[1], match[2] or ""), text) if "<" in text else text


MESSAGE_LIMIT: Final = 4000


def parse_json(text: str | bytes) -> Any:
    """Parse a text that contains one JSON document.

    Raises:
        ValueError: the text is not JSON, or it is nested too deeply for Python's parser.
    """
    try:
        # Some programs write a byte order mark before the document.
        return json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text)
    except RecursionError as error:
        raise ValueError("the document is nested too deeply") from error


def parse_object(text: str | bytes) -> dict[str, Any]:
    """Parse a JSON object. Return an empty object if the text is not a JSON object."""
    try:
        return as_object(parse_json(text))
    except ValueError:
        return {}


def as_object(value: object) -> dict[str, Any]:
    """Return the value if it is a JSON object, otherwise an empty object."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return the value if it is a JSON array, otherwise an empty list."""
    return value if isinstance(value, list) else []


def as_objects(value: object) -> list[dict[str, Any]]:
    """Return the objects in a JSON array, without its elements of other types."""
    return [item for item in as_list(value) if isinstance(item, dict)]


def as_text(value: object) -> str:
    """Return the sanitized text of a JSON value, with its line breaks, or "" if the value is not a text."""
    return clean(value, limit=MESSAGE_LIMIT).strip() if isinstance(value, str) else ""


# The name of a quota in the API server's message (kubernetes v1.31.0 apiserver plugin/pkg/admission/resourcequota).
_QUOTA: Final = re.compile(r"\bexceeded quota: ([a-z0-9][a-z0-9.-]{0,252}+)(?=,|$)")


def as_message(value: object, *, kind: str = "") -> str:
    """Return the sanitized message, without values of Secrets and without dumped Go objects.

    Put the name of a quota in quotation marks. Without them, the message about a quota with the name ``none`` would
    read as if there were no quota.

    Args:
        value: the message. If it is not a text, the result is empty.
        kind: the kind of the object that the message describes, or an empty string if it is unknown.
    """
    if not isinstance(value, str):
        return ""
    return _QUOTA.sub(r'exceeded quota "\1"', as_text(message_shown(value, kind=kind)))


def as_line(value: object) -> str:
    """Return the sanitized text of a JSON value on one line, or "" if the value is not a text."""
    return one_line(value, limit=MESSAGE_LIMIT) if isinstance(value, str) else ""


class Word(StrEnum):
    """A base class of enums of Argo CD's statuses, which must have a member ``Unknown``."""

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the member for the status, or ``Unknown`` if there is none."""
        try:
            return cls(str(value))
        except ValueError:
            return cls("Unknown")
