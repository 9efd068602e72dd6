"""The settings of a job, which are read from its environment and checked against their schema."""
