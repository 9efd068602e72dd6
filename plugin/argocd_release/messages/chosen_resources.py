"""The texts about releases that only some resources decide (``RELEASE_RESOURCES``)."""

from typing import Final

from argocd_release.messages import Message

NO_RESOURCE_MATCHES: Final = Message(
    "no resource of the application matches {patterns} in <RELEASE_RESOURCES>; its resources are {resources}"
)
ALL_EXCLUDED: Final = Message(
    "<RELEASE_RESOURCES> excludes every resource of the application, so nothing can prove the release; its resources "
    "are {resources}"
)
NO_RESOURCES: Final = "none"
NO_RESOURCE_OF_GROUP: Final = Message(
    "no resource of any application matches {patterns} in <RELEASE_RESOURCES>",
    "correct the pattern, or remove it",
)
EXCLUDED_FAILED: Final = Message(
    "proven only for the resources that <RELEASE_RESOURCES> chooses: the sync failed for excluded resources, and Argo "
    "CD then runs no PostSync hooks ({failures})"
)
EXCLUDED_DEVIATE: Final = Message(
    "proven only for the resources that <RELEASE_RESOURCES> chooses; the excluded ones are not all well: {resources}"
)
IMAGE_UNPROVEN_OF_CHOSEN: Final = (
    "this job cannot tell which pods belong to the resources that <RELEASE_RESOURCES> chooses: only Argo CD's HTTP API "
    "shows it"
)
