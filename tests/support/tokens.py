"""JSON Web Tokens without a valid signature, in the form of signed ones."""

import base64
import json


def made(claims: object, *, algorithm: str = "HS256", signature: str = "s" * 43) -> str:
    """Return a token with the claims, as long as a complete one of that algorithm."""
    parts = ({"alg": algorithm}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, signature])
