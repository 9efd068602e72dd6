"""Tells a pipeline whether its commit is running and healthy in the cluster according to Argo CD, and if not, why."""

__version__ = "0.2.0"
