"""One job, from the environment to the exit code: the only place that wires things together."""
