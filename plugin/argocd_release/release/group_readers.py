"""The readers that the applications of a group share."""

from argocd_release.argocd.http_first import HttpFirstCommands
from argocd_release.model.ports import Clock, OwnerLookup
from argocd_release.release.connect import Readers
from argocd_release.settings.load import Settings
from argocd_release.watch.owners import Owners


def group_readers(settings: Settings, readers: Readers, clock: Clock) -> tuple[HttpFirstCommands, OwnerLookup | None]:
    """Return the commands, and the lookup of owners; None if the settings turn the lookup off."""
    commands = HttpFirstCommands(readers.commands, readers.lists, readers.api)
    if settings.owner == "ignore":
        return commands, None
    strict = settings.owner == "strict"
    return commands, Owners(commands, readers.api, strict=strict, now=clock.now, wake=clock.wake)
