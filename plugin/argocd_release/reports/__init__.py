"""Render the report files that the job writes at its end."""
