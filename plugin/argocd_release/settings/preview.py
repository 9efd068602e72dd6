"""The settings of a preview: the branch's tag in names and addresses, and the defaults of a preview."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from argocd_release.core.text import TAG, host_with_tag, tag_of, with_tag
from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem

# Replaces the tag while the settings of a branch without a tag are checked.
_PLACEHOLDER: Final = "tag-0"
# One of several names, without the separators (``read_names``).
_NAME: Final = re.compile(r"[^\s,]++")


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The preview of a branch, whose application has the branch's tag in its name."""

    branch: str
    pattern: str
    #: The tag; "" if the branch has none.
    tag: str

    @classmethod
    def asked(cls, values: Mapping[str, Any]) -> Self | None:
        """Return the preview if the application's name contains ``{tag}``, otherwise None."""
        if TAG not in str(values.get("ARGOCD_APP_NAME", "")):
            return None
        branch = str(values["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] or values["CI_COMMIT_REF_NAME"])
        pattern = str(values["RELEASE_PREVIEW_PATTERN"])
        return cls(branch=branch, pattern=pattern, tag="" if _error(pattern) else tag_of(branch, pattern))

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings with the tag filled in, and with the defaults of a preview.

        The application can appear until the timeout, and can be at an older commit first.
        It must run the commit of the branch.
        """
        tag = self.tag or _PLACEHOLDER
        made = dict(values)
        # The tag is shortened for each name by itself.
        made["ARGOCD_APP_NAME"] = _NAME.sub(lambda name: with_tag(name[0], tag), made["ARGOCD_APP_NAME"])
        made["RELEASE_SITE_URL"] = host_with_tag(made["RELEASE_SITE_URL"], tag)
        made["RELEASE_GITLAB_ENVIRONMENT"] = made["RELEASE_GITLAB_ENVIRONMENT"].replace(TAG, tag)
        made["RELEASE_APPEAR_TIMEOUT"] = made["RELEASE_APPEAR_TIMEOUT"] or made["RELEASE_TIMEOUT"]
        if not any(made[name] for name in ("RELEASE_REVISION", "RELEASE_IMAGE", "RELEASE_CHART_VERSION")):
            made["RELEASE_REVISION"] = made["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] or made["CI_COMMIT_SHA"]
            made["RELEASE_EXPECTATION_GRACE"] = 0
        return made


def problems(values: Mapping[str, Any]) -> Iterator[SetupProblem]:
    """Yield a problem for each setting of a preview that is wrong or lacks another setting."""
    if error := _error(values["RELEASE_PREVIEW_PATTERN"]):
        yield SetupProblem.of_setting(settings.PATTERN, "RELEASE_PREVIEW_PATTERN", error=error)
    if values["RELEASE_URL_CHECK"] and not values["RELEASE_SITE_URL"]:
        yield SetupProblem.of_setting(settings.URL_MISSING, "RELEASE_URL_CHECK")


def _error(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return ""
