"""Argo CD: its CLI, its HTTP API, and what they print."""
