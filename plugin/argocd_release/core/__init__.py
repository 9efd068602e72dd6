"""What everything else stands on, and knows nothing of it."""
