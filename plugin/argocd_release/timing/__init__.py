"""Deadlines, time limits, and calls that run in the background."""
