"""The diagnosis: the reason why a release was not delivered, and the evidence for it."""
