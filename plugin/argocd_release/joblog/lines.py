"""How each event reads in the job log."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.core.text import QUOTED
from argocd_release.model import events
from argocd_release.model.events import JobEvent

# By the type of the event, with its fields.
LINES: Final[Mapping[type[JobEvent], str]] = MappingProxyType(
    {
        events.Start: "argocd-release {version}: application {application}, Argo CD at {server}, at most {timeout} s",
        events.UnknownSetting: "warning: {name} is no setting; did you mean {meant}?",
        events.VariableNotRead: "{name} is not read here: the component takes its input `{input}`",
        events.ClocksDiffer: "note: when this job began is not known, for GitLab's clock and this machine's differ: "
        "{why}",
        events.Expects: "expects: {what}",
        events.TimeoutShortened: "note: {timeout} s instead of {asked} s, because GitLab ends the job after {job} s",
        events.VersionsApart: "note: {why}",
        events.Warned: "warning: {why}",
        events.SignedInBy: "signed in by Dex's connector {connector}, with the job's identity",
        events.NotSignedInAnew: "note: no new token: {error}",
        events.NotTerminated: "warning: the sync of the earlier revision could not be ended: {error}",
        events.Command: "$ {command}",
        events.Called: "debug: {call} took {seconds:.3f} s{end}",
        events.Output: "{line}",
        events.OutputLeftOut: f"{QUOTED}… {{lines}} more lines of argocd app wait left out",
        events.Unchanged: "+ {count} unchanged",
        events.State: "-> {sync}{target}, {health}: {reason}",
        events.StateChanged: "debug: {what} {value} after {at:.1f} s",
        events.StillWaiting: "-> still waiting after {waited} of {timeout} s: {reason}",
        events.NoAnswer: "-> {reason}; trying again",
        events.Judged: "-> {outcome} after {waited} s: {reason}",
        events.Summary: "-> {delivered}/{whole} delivered · {pending} pending · {failed} failed; "
        "{waited} of {timeout} s",
        events.UnknownWords: "note: Argo CD uses words that this version of argocd-release does not know: {words}",
        events.PodsNotSeen: "note: pods are not looked at, so a crash loop is seen late: {error}",
        events.HistoryNotConsulted: "note: {why}",
        events.AskingTheSite: "-> delivered; asking {url}",
        events.LookingForTheCause: "-> {outcome}; asking for pods, events and logs",
        events.AskingTheDoctor: "looking for what stands in the way",
        events.CauseNotLookedFor: "note: looking for the cause went wrong: {error}",
        events.NotShown: "note: {command} gave no answer: {error}",
        events.Told: "{sink}: {text}",
        events.NotTold: "warning: the {sink} was not written: {text}",
        events.Result: "{text}",
        events.NotProven: "{text}",
        events.PhasesReached: "{text}",
        events.ShownEvidence: "{text}",
        events.Next: "{text}",
        events.ReportsWritten: "reports: {paths}",
        events.ReportNotWritten: "warning: the {kind} could not be written to {path}: {error}",
        events.Trace: "{text}",
    }
)


def line(event: JobEvent) -> str:
    """The event as people read it, which may be several lines."""
    if isinstance(event, events.UnknownSetting) and not event.meant:
        return f"warning: {event.name} is no setting"
    fields = dict(event.told)
    if isinstance(event, events.State):
        fields["target"] = _target(event)
    text = LINES[type(event)].format(**fields).removesuffix(": ")
    if isinstance(event, events.ApplicationEvent) and event.width:
        return f"{event.name.ljust(event.width)} | {text.removeprefix('-> ')}"
    return text


def _target(event: events.State) -> str:
    """Return the revision after the sync status; "" if Argo CD has not compared yet."""
    if not event.revision:
        return ""
    return f" to {event.revision}" if event.sync == "Synced" else f" (target {event.revision})"
