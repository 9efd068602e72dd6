"""The reasons and hints of verdicts."""

from typing import Final

from argocd_release.messages.message import Message

NOT_COMPARED: Final = Message(
    "Argo CD has not compared with git since this job began; its application controller may be down or busy"
)
SKIPPED: Final = Message(
    "the application's annotation argocd.argoproj.io/skip-reconcile keeps Argo CD from comparing and syncing it",
    "remove the annotation; until then Argo CD does nothing for this application",
)
