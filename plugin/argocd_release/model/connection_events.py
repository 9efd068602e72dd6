"""The events of the job log about the connection to Argo CD."""

from dataclasses import dataclass

from argocd_release.model.events import JobEvent


@dataclass(frozen=True, kw_only=True)
class SignedInBy(JobEvent):
    """The job has exchanged its ID token for a token of Dex, with this ``connector``."""

    NAME = "signed in"
    connector: str


@dataclass(frozen=True, kw_only=True)
class NotSignedInAnew(JobEvent):
    """The job has failed to renew its token."""

    NAME = "not signed in anew"
    error: str


@dataclass(frozen=True, kw_only=True)
class ThroughProxy(JobEvent):
    """The job reaches Argo CD through an HTTP proxy, so it does not run the argocd command."""

    NAME = "through proxy"
    why: str


@dataclass(frozen=True, kw_only=True)
class StreamsGivenUp(JobEvent):
    """The streams that report changes end again and again, so the job only polls from now on.

    Attributes:
        count: how often a stream has ended in a row.
    """

    NAME = "streams given up"
    count: int
