"""Tokens of staff on the local engine: signed with a key that stays in its folder."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from local import tokens
from local.__main__ import main

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_a_token_is_signed_with_the_key_that_the_functions_are_told_to_trust(tmp_path: Path) -> None:
    (published,) = json.loads(tokens.key_set(tmp_path))["keys"]
    token = tokens.token(tmp_path, "dpo", "somebody", NOON)
    claims = jwt.decode(
        token, jwt.PyJWK(published), algorithms=["ES256"], audience=tokens.AUDIENCE, options={"verify_exp": False}
    )
    assert (claims["sub"], claims["roles"], claims["iss"]) == ("somebody", ["dpo"], tokens.ISSUER)
    assert claims["exp"] - claims["iat"] == 8 * 3600
    assert jwt.get_unverified_header(token)["kid"] == published["kid"]
    assert "d" not in published  # the private half


def test_the_key_stays_the_same_and_is_readable_to_its_owner_alone(tmp_path: Path) -> None:
    assert tokens.key_set(tmp_path) == tokens.key_set(tmp_path)
    (key,) = tmp_path.iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_an_unknown_role_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--folder", str(tmp_path), "token", "king"])
    assert "dpo" in capsys.readouterr().err
