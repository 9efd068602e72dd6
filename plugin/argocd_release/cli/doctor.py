"""The command ``argocd-release doctor``: check everything that a release needs, and print how to fix problems."""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TextIO

from argocd_release.argocd import auth, connection
from argocd_release.core.redaction import everywhere, masked, redaction
from argocd_release.core.text import with_names
from argocd_release.doctor import checks
from argocd_release.doctor.checklist import examine
from argocd_release.joblog import style
from argocd_release.messages import cli as texts
from argocd_release.release.signals import Signals, StopRequest
from argocd_release.settings import environment
from argocd_release.settings.environment import JobEnvironment
from argocd_release.timing import DOCTOR, Deadline


def execute(arguments: Sequence[str], environ: Mapping[str, str], stream: TextIO, signals: Signals) -> int:
    """Run the checks and print the results. Return 0, or the exit code of a release with these problems."""
    parser = argparse.ArgumentParser(
        prog="argocd-release doctor",
        description=texts.DOCTOR_DESCRIPTION,
    )
    parser.add_argument("--json", action="store_true", help=texts.JSON)
    options = parser.parse_args(arguments)
    stop = StopRequest()
    signals.on_arrival(stop.set)
    given = environment.with_files_read(environ)
    redact = redaction([*environment.secret_values(given), *masked(given, readable=environment.open_values(given))])
    connector = given.text("RELEASE_DEX_CONNECTOR")
    with ExitStack() as stack:
        checklist = examine(
            given,
            ca_file=connection.authority_file(given.text("RELEASE_ARGOCD_CA"), stack),
            sign_in=lambda identity, seconds: (
                auth.signed_in(identity, connector=connector, deadline=Deadline(seconds), check=stop.check).connection
            ),
            seconds=_seconds(given),
            check=stop.check,
        )
    checklist.results[:] = everywhere(checklist.results, lambda text: with_names(redact(text), given.name_in_text))
    docs_url = given.text("RELEASE_DOCS_URL")
    if options.json:
        print(json.dumps(checks.render_json(checklist, docs_url), indent=2), file=stream)
    else:
        print(style(environ, terminal=stream.isatty()).paint(checks.render_text(checklist, docs_url)), file=stream)
    return checklist.worst.exit_code if checklist.worst else 0


def _seconds(environ: JobEnvironment) -> float:
    """Return the time limit of all checks together, in seconds. RELEASE_TIMEOUT can shorten it."""
    given = environ.text("RELEASE_TIMEOUT")
    return min(DOCTOR, max(int(given), 1)) if re.fullmatch(r"[0-9]{1,5}", given) else DOCTOR
