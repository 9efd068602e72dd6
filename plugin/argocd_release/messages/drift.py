"""The texts about resources that stay OutOfSync, and about the fields in which they differ from git."""

from typing import Final

from argocd_release.messages import Message

FINALIZER: Final = Message("{resource} is being deleted, and waits for its finalizers: {finalizers}")
CHANGED_BY_HAND: Final = Message(
    '{resource} was changed by hand after the sync (field manager "{manager}")',
    "put the change into git, or undo it with a sync (argocd app sync {application}, or <RELEASE_SYNC=true>) and "
    "retry this GitLab job. To undo such changes automatically, turn on selfHeal in the application's sync policy",
)
OVERWRITTEN: Final = Message('the field manager "{manager}" changes {resource} after each sync')
NOT_KEPT: Final = Message(
    "{resource} still differs from git after the sync, and no user or other controller has changed it"
)
NOT_KEPT_FIELDS: Final = Message(
    "{message}: {fields}",
    "if the API server drops, rounds or defaults this field, write it in git as the cluster has it, or add it to "
    "ignoreDifferences. If its value differs in each render, such as a random password of a Helm chart, give it a "
    "fixed value",
)
FIELD_DIFFERS: Final = Message("{field} is {wanted} in git, but {live} in the cluster")
FIELD_NOT_LIVE: Final = Message("{field} is {wanted} in git, but the cluster has dropped this field")
FIELD_ONLY_LIVE: Final = Message("{field} is {live} in the cluster, but not in git")
FIELD_HIDDEN: Final = Message("{field} differs (its values are not shown)")
FIELD_HIDDEN_NOT_LIVE: Final = Message(
    "{field} is set in git (its value is not shown), but the cluster has dropped this field"
)
FIELD_HIDDEN_ONLY_LIVE: Final = Message("{field} is set in the cluster (its value is not shown), but not in git")
MORE_FIELDS: Final = Message("and {fields}")
VALUE_WITH_PARTS: Final = Message("a value with {parts}")
FIELDS_DROPPED: Final = (
    "correct the spelling of the field in git, or delete it there, and push: the API server drops fields that the "
    "kind of the resource does not have. If the field is right, update the custom resource definition, sync again "
    "(argocd app sync {application}, or <RELEASE_SYNC=true>), and then retry this GitLab job"
)
