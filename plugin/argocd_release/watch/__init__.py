"""Tracking of applications until each of them has a verdict."""
