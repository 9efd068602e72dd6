"""Find out why a release was not delivered, and collect the evidence for that."""
