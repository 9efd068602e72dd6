"""JSON Web Tokens that look like signed ones, but have no valid signature."""

import base64
import json


def made(claims: object, *, algorithm: str = "HS256", signature: str = "s" * 43) -> str:
    """Return a token with these claims and a fake signature."""
    parts = ({"alg": algorithm}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, signature])
