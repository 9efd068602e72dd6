"""Names made of a branch's: a preview's tag, as Kubernetes and GitLab both take it."""

import re
from typing import Final

#: The longest name of a namespace, and of a part of a host name (RFC 1123; Kubernetes' DNS label).
LABEL_LIMIT: Final = 63
#: Where the tag goes in a name or an address.
TAG: Final = "{tag}"
_OTHERS: Final = re.compile(r"[^a-z0-9]")


def slug(text: str, *, limit: int = LABEL_LIMIT) -> str:
    """The text in small letters, digits and hyphens, none at an end, cut to ``limit`` characters; may be ``""``.

    To the letter what GitLab makes of a branch for CI_COMMIT_REF_SLUG (gitlab lib/gitlab/utils.rb slugify), so both
    sides of a pipeline agree on it. It is a DNS label.
    """
    return _OTHERS.sub("-", text.lower())[:limit].strip("-")


def tag_of(branch: str, pattern: str) -> str:
    """The first group of the pattern where the branch matches it, or all of the match, as a slug; ``""`` if none."""
    found = re.search(pattern, branch)
    if found is None:
        return ""
    return slug(found[1] or "" if found.re.groups else found[0])


def with_tag(template: str, tag: str) -> str:
    """The template with the tag in its place, which is cut as far as the name's own length asks for."""
    room = LABEL_LIMIT - len(template.rpartition("/")[2].replace(TAG, ""))
    return template.replace(TAG, slug(tag, limit=max(room, 0)))


def host_with_tag(template: str, tag: str) -> str:
    """An address with the tag in its place: the part of the host name that it stands in is 63 characters at most."""
    before, _, after = template.partition(TAG)
    label = len(re.split(r"[./@]", before)[-1]) + len(re.split(r"[.:/]", after, maxsplit=1)[0])
    return template.replace(TAG, slug(tag, limit=max(LABEL_LIMIT - label, 0)))
