"""The routes of sessions over the template's stores, and a customer who may sign in."""

from typing import Any

import pytest

import signup.app
import signup.parts
from privacy.settings import load
from sessions.app import build
from sessions.parts import Parts, SessionsSettings, assemble
from tests.unit.engine import Answer, SetClock, environment, http, items, table
from tests.unit.people import CANARIES, PASSWORD, confirmed

EMAIL = CANARIES["email"]


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(SessionsSettings, environment("SessionsFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


@pytest.fixture
def account_id(stores: None, clock: SetClock) -> str:
    """A customer, signed in nowhere."""
    settings = load(signup.parts.SignupSettings, environment("SignupFunction", CaptchaVerifier="local"))
    signup_parts = signup.parts.assemble(settings, clock)
    answer = confirmed(signup.app.build(lambda: signup_parts), signup_parts, "registration")
    for row in items("sessions"):
        table("sessions").delete({"token_hash": row["token_hash"]})
    return str(answer.json()["account_id"])


def sign_in(app: Any, email: Any = EMAIL, password: Any = PASSWORD, **request: Any) -> Answer:
    return http(app, "POST", "/sessions", body={"email": email, "password": password}, **request)
