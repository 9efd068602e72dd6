"""Run one job: from reading its environment to its exit code. This package alone connects all other packages."""
