"""The command ``argocd-release diff``: show what a merge request would change in the cluster."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TextIO

from argocd_release.diff import job
from argocd_release.messages import cli as texts
from argocd_release.release.signals import Signals


def execute(arguments: Sequence[str], environ: Mapping[str, str], stream: TextIO, signals: Signals) -> int:
    """Run the diff, and return the exit code. It is 0 if the diff succeeds, even if there are differences."""
    if arguments:
        argparse.ArgumentParser(prog="argocd-release diff", description=texts.DIFF_DESCRIPTION).parse_args(arguments)
    return job.run(environ, stream, signals)
