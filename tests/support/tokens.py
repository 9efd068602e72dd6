"""JSON Web Tokens that nobody has signed, of the form of those that somebody has."""

import base64
import json


def made(claims: object, *, algorithm: str = "HS256", signature: str = "s" * 43) -> str:
    """A token with the claims, as long as a whole one of that algorithm."""
    parts = ({"alg": algorithm}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, signature])
