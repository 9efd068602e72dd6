"""The report files that a job writes at its end."""
