"""Time: when something must have ended, and how to wait for what may block."""
