"""The job log: its format, sections and colours."""
