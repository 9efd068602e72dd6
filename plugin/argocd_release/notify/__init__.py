"""Notifications about the end of a release. A notification that fails does not change the verdict."""
