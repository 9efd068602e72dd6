"""Test the claims of a token, and the detection of a token that was pasted incompletely."""

import pytest

from argocd_release.argocd.auth import read_claims, token_defect
from argocd_release.messages import settings
from tests.support.tokens import made

GOOD = made({"iss": "argocd", "sub": "ci:apiKey", "exp": 5, "iat": 1})


def test_what_it_claims() -> None:
    claims = read_claims(GOOD)

    assert claims is not None
    assert claims.is_own
    assert (claims.whose, claims.expires_at) == ("ci", 5.0)


@pytest.mark.parametrize("audience", ["a", ["a"]])
def test_an_audience_is_one_or_many(audience: object) -> None:
    claims = read_claims(made({"aud": audience, "sub": "project_path:x", "exp": True}))

    assert claims is not None
    assert claims.audience == ("a",)
    assert (claims.whose, claims.expires_at) == ("project_path:x", None)


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "eyJ.eyJ.x", made([])])
def test_what_is_no_token(text: str) -> None:
    assert read_claims(text) is None


@pytest.mark.parametrize(
    ("text", "defect"),
    [
        (GOOD, ""),
        (f"{GOOD}\n", ""),
        (f'"{GOOD}"', settings.TOKEN_QUOTED.fill()),
        ("$TOKEN", settings.TOKEN_NOT_EXPANDED.fill()),
        (f"Bearer {GOOD}", settings.TOKEN_BEARER.fill()),
        ("/builds/x.tmp/TOKEN", settings.TOKEN_PATH.fill()),
        ("glpat-0123456789abcdefghij", settings.TOKEN_OF_GITLAB.fill()),
        (f"{GOOD[:9]} {GOOD[9:]}", settings.TOKEN_WHITE_SPACE.fill()),
        (GOOD[1:], settings.TOKEN_NO_JWT.fill()),
        (GOOD[:-1], settings.TOKEN_CUT_OFF.fill(characters="1 character is")),
        (GOOD[:-2], settings.TOKEN_CUT_OFF.fill(characters="2 characters are")),
        (f"{GOOD}x", settings.TOKEN_TOO_LONG.fill()),
        (GOOD.rpartition(".")[0], settings.TOKEN_PARTS_MISSING.fill(parts=2)),
        (GOOD.replace(".", ".x", 1), settings.TOKEN_DAMAGED.fill()),
    ],
)
def test_the_defect_of_a_pasted_token_is_named(text: str, defect: str) -> None:
    assert token_defect(text) == defect
