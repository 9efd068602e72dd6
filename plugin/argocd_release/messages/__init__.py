"""The catalogue of the texts that people read: messages, hints and meanings, one module for each area."""
