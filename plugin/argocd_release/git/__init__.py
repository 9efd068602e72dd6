"""The git history, which tells how two revisions are related."""
