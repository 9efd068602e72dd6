"""A preview's settings: the tag of the branch in names and addresses, and what a preview means unless it is said."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from argocd_release.core.text import TAG, host_with_tag, tag_of, with_tag
from argocd_release.model.errors import SettingProblem

# What stands for the tag while the settings of a branch without one are checked.
_PLACEHOLDER: Final = "tag-0"
# One of several names; what separates them (``read_names``) stays.
_NAME: Final = re.compile(r"[^\s,]++")


@dataclass(frozen=True, kw_only=True)
class Preview:
    """That the application is one of several, by branch. ``tag``: ``""`` if the branch has none."""

    branch: str
    pattern: str
    tag: str

    @classmethod
    def asked(cls, values: Mapping[str, Any]) -> Self | None:
        """The preview that ``{tag}`` in the application's name asks for; None if it does not."""
        if TAG not in str(values.get("ARGOCD_APP_NAME", "")):
            return None
        branch = str(values["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] or values["CI_COMMIT_REF_NAME"])
        pattern = str(values["RELEASE_PREVIEW_PATTERN"])
        return cls(branch=branch, pattern=pattern, tag="" if _error(pattern) else tag_of(branch, pattern))

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The settings with the tag in its places. What is left at its default becomes a preview's.

        The application may come later, and be at an older commit, until the timeout; it must run the branch's own.
        """
        tag = self.tag or _PLACEHOLDER
        made = dict(values)
        # Each name has its own room for the tag.
        made["ARGOCD_APP_NAME"] = _NAME.sub(lambda name: with_tag(name[0], tag), made["ARGOCD_APP_NAME"])
        made["RELEASE_SITE_URL"] = host_with_tag(made["RELEASE_SITE_URL"], tag)
        made["RELEASE_GITLAB_ENVIRONMENT"] = made["RELEASE_GITLAB_ENVIRONMENT"].replace(TAG, tag)
        made["RELEASE_APPEAR_TIMEOUT"] = made["RELEASE_APPEAR_TIMEOUT"] or made["RELEASE_TIMEOUT"]
        if not any(made[name] for name in ("RELEASE_REVISION", "RELEASE_IMAGE", "RELEASE_CHART_VERSION")):
            made["RELEASE_REVISION"] = made["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] or made["CI_COMMIT_SHA"]
            made["RELEASE_EXPECTATION_GRACE"] = 0
        return made


def problems(values: Mapping[str, Any]) -> list[SettingProblem]:
    """Return the mistakes of settings that are each right by itself."""
    found = []
    if error := _error(values["RELEASE_PREVIEW_PATTERN"]):
        found.append(
            SettingProblem(
                name="RELEASE_PREVIEW_PATTERN",
                message=f"must be a regular expression: {error}",
                fix="correct the expression, or leave it out to use the default",
            )
        )
    if values["RELEASE_URL_CHECK"] and not values["RELEASE_SITE_URL"]:
        needs = "needs <RELEASE_SITE_URL>, the address to check"
        fix = "set <RELEASE_SITE_URL>, or leave <RELEASE_URL_CHECK> out"
        found.append(SettingProblem(name="RELEASE_URL_CHECK", message=needs, fix=fix))
    return found


def _error(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return ""
