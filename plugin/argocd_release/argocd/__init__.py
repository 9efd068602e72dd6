"""Access to Argo CD: its CLI, its HTTP API, and the parsers of their output."""
