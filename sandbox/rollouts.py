"""Prepare a sandbox for Argo Rollouts: build its controller, and apply its custom resource definitions."""

import sys
from functools import partial
from typing import Final

from sandbox import build
from sandbox.commands import retry
from sandbox.kube_api import KubeAPI
from sandbox.layout import Layout
from sandbox.programs import ROLLOUTS_CONTROLLER, ROLLOUTS_PATH

NAME: Final = ROLLOUTS_CONTROLLER.name
_KINDS: Final = {
    "rollouts": "rollout",
    "analysisruns": "analysis-run",
    "analysistemplates": "analysis-template",
    "clusteranalysistemplates": "cluster-analysis-template",
    "experiments": "experiment",
}


def prepare(layout: Layout) -> None:
    """Build the controller if it is missing, and apply its custom resource definitions.

    Raises:
        BuildError: the controller could not be built.
        CommandError: a definition could not be applied.
    """
    build.make([ROLLOUTS_CONTROLLER], sys.stderr)
    folder = build.module_folder(ROLLOUTS_CONTROLLER.module, ROLLOUTS_PATH) / "manifests" / "crds"
    api = KubeAPI(layout)
    for plural, file in _KINDS.items():
        retry(partial(api.apply_crd, f"{plural}.argoproj.io", (folder / f"{file}-crd.yaml").read_bytes()))
    for plural in _KINDS:
        retry(partial(api.await_crd, f"{plural}.argoproj.io"))
