"""Read git history, to find out how two revisions are related."""
