"""Tells whether a release is running and healthy in the cluster, and if not, why."""

__version__ = "0.1.0"
