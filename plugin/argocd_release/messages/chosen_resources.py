"""The texts about releases that are judged by some of the resources only (``RELEASE_RESOURCES``)."""

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
NO_RESOURCE_OF_SHARE: Final = Message(
    "no resource of this job's applications matches {patterns} in <RELEASE_RESOURCES>; only the other jobs can show "
    "whether an application has one"
)
EXCLUDED_FAILED: Final = Message(
    "proven only for the resources that <RELEASE_RESOURCES> chooses. The sync of excluded resources failed, so Argo CD "
    "ran no PostSync hooks: {failures}"
)
EXCLUDED_DEVIATE: Final = Message(
    "proven only for the resources that <RELEASE_RESOURCES> chooses. These excluded resources are not Synced and "
    "Healthy: {resources}"
)
IMAGE_UNPROVEN_OF_CHOSEN: Final = (
    "this job cannot check the image, because Argo CD's HTTP API does not show it the pods. No other way shows which "
    "pods belong to the resources that <RELEASE_RESOURCES> chooses"
)
