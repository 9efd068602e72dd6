"""What a token says of itself, and what a pasted one suffers from."""

import pytest

from argocd_release.argocd.jwt import read, token_defect
from tests.support.tokens import made

GOOD = made({"iss": "argocd", "sub": "ci:apiKey", "exp": 5, "iat": 1})


def test_what_it_claims() -> None:
    claims = read(GOOD)

    assert claims is not None
    assert claims.is_own
    assert (claims.whose, claims.expires_at, claims.issued_at) == ("ci", 5.0, 1.0)


@pytest.mark.parametrize("audience", ["a", ["a"]])
def test_an_audience_is_one_or_many(audience: object) -> None:
    claims = read(made({"aud": audience, "sub": "project_path:x", "exp": True}))

    assert claims is not None
    assert claims.audience == ("a",)
    assert (claims.whose, claims.expires_at) == ("project_path:x", None)


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "eyJ.eyJ.x", made([])])
def test_what_is_no_token(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD, ""),
        (f"{GOOD}\n", ""),
        (f'"{GOOD}"', "quotes"),
        ("$TOKEN", "another variable"),
        (f"Bearer {GOOD}", "the word Bearer"),
        ("/builds/x.tmp/TOKEN", "a path"),
        ("glpat-0123456789abcdefghij", "a GitLab token"),
        (f"{GOOD[:9]} {GOOD[9:]}", "white space"),
        (GOOD[1:], "not a JSON Web Token"),
        (GOOD[:-1], "1 characters are missing"),
        (f"{GOOD}x", "something follows"),
        (GOOD.rpartition(".")[0], "2 of the 3 parts"),
        (GOOD.replace(".", ".x", 1), "damaged"),
    ],
)
def test_what_went_wrong_when_it_was_pasted(text: str, why: str) -> None:
    assert why in token_defect(text)
    assert bool(why) == bool(token_defect(text))
