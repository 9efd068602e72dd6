"""Text, redaction and JSON helpers that depend on no other package of the product."""
