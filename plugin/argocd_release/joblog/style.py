"""Format the job log: collapsible sections and colours for GitLab, plain text elsewhere.

Markers: GitLab lib/gitlab/regex.rb. Colours: lib/gitlab/ci/ansi2json, of which only the eight basic ones are used.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argocd_release.core.text import QUOTED
from argocd_release.model.outcome import Headline
from argocd_release.model.problem import WAITING_REASONS

_CLEAR_LINE: Final = "\x1b[0K"
_RESET: Final = "\x1b[0m"
_BOLD, _RED, _GREEN, _YELLOW, _CYAN = "1", "31", "32", "33", "36"
_LINES: Final = (
    (re.compile(Headline.SUCCESSFUL), f"{_BOLD};{_GREEN}"),
    (re.compile(rf"{Headline.FAILED}|cause: .*"), f"{_BOLD};{_RED}"),
    (re.compile(rf"{Headline.STATUS_UNKNOWN}|{Headline.CANCELLED}|next: .*|help: .*"), f"{_BOLD};{_YELLOW}"),
    (re.compile(r"(?:warning|note): .*"), _YELLOW),
    (re.compile(r"\$ .*"), f"{_BOLD};{_CYAN}"),
    # The doctor's checklist.
    (re.compile(r"✗ .*|Not ready: .*"), f"{_BOLD};{_RED}"),
    (re.compile(r"! .*"), _YELLOW),
    (re.compile(r"✓ .*|Ready to track releases.*"), _GREEN),
)
_HEADER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ "
_CANNOT_START: Final = "|".join((*WAITING_REASONS, "Error"))
_WORDS: Final = (
    (r"Healthy|Synced|Succeeded", _GREEN),
    (r"Progressing|OutOfSync|Suspended|Pending|ContainerCreating", _YELLOW),
    (rf"Degraded|Missing|Failed|SyncFailed|OOMKilled|(?:Init:)?(?:{_CANNOT_START})", _RED),
)
_STATUS: Final = tuple((re.compile(rf"(?<![\w/.:-])(?:{words})(?![\w/.-])"), colour) for words, colour in _WORDS)


@dataclass(frozen=True, kw_only=True)
class Style:
    """The format of the log: with or without section markers, coloured or plain."""

    sections: bool = False
    colours: bool = False

    def begin(self, name: str, title: str, *, at: int, collapsed: bool = False) -> str:
        """Return the line that begins a section.

        Args:
            name: the name of the section, ``[a-z0-9_-]+``.
            title: the heading that people read.
            at: seconds since 1970.
            collapsed: True if GitLab shows the section collapsed.

        """
        heading = self._coloured(title, _BOLD)
        if not self.sections:
            return f"\n{heading}"
        option = "[collapsed=true]" if collapsed else ""
        return f"{_CLEAR_LINE}section_start:{at}:{name}{option}\r{_CLEAR_LINE}{heading}"

    def end(self, name: str, *, at: int) -> str:
        """Return the line that ends a section, or ``""`` if the log has no sections."""
        return f"{_CLEAR_LINE}section_end:{at}:{name}\r{_CLEAR_LINE}" if self.sections else ""

    def paint(self, text: str, *, ours: bool = True) -> str:
        """Return the text with colours: the statuses of Argo CD, and whole lines of this job.

        Quoted lines stay plain.

        Args:
            text: one or more lines.
            ours: False if another program printed the lines, which must not look like a verdict of this job.

        """
        return "\n".join(self._painted(line, ours=ours) for line in text.split("\n")) if self.colours else text

    def _painted(self, line: str, *, ours: bool) -> str:
        if line.startswith(QUOTED):
            return line
        if "  " in line.strip() and not line.strip(_HEADER):
            return self._coloured(line, _BOLD)
        for pattern, colour in _LINES if ours else ():
            if pattern.fullmatch(line):
                return self._coloured(line, colour)
        for words, colour in _STATUS:
            line = words.sub(lambda found, colour=colour: self._coloured(found[0], colour), line)  # type: ignore[misc]
        return line

    def _coloured(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}{_RESET}" if self.colours and text else text


def style(environ: Mapping[str, str], *, terminal: bool) -> Style:
    """Return the style for the job: sections in GitLab only, colours in GitLab and in a terminal.

    NO_COLOR (no-color.org) and FORCE_COLOR take precedence.
    """
    job = environ.get("GITLAB_CI", "") == "true"
    forced = environ.get("FORCE_COLOR", "") not in {"", "0", "false"}
    wanted = forced or job or (terminal and environ.get("TERM", "") != "dumb")
    return Style(sections=job, colours=wanted and not environ.get("NO_COLOR", ""))
