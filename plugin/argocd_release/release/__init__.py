"""Run one job, from the environment to the exit code. Only this package connects the parts of all others."""
