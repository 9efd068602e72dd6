"""What is written at the end."""
