"""Git's history: which of two revisions contains the other."""
