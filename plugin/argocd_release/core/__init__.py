"""Helpers for text, redaction and JSON. They do not depend on other packages of the product."""
