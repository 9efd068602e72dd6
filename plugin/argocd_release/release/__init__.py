"""One job, from the environment to the exit code. It creates and connects the parts of all other packages."""
