"""How the job log looks."""
