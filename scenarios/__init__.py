"""Situations an application can be in, played on the sandbox: declared once for tests and benchmark."""

from scenarios import deliveries, expectations, failures, faults, kinds, looking, operations, sets
from scenarios.stage import SCENARIOS

__all__ = ["SCENARIOS", "deliveries", "expectations", "failures", "faults", "kinds", "looking", "operations", "sets"]
