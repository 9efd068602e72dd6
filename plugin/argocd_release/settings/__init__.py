"""The settings of a job: read from its environment, and checked against their schema."""
