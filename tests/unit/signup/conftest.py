"""The sign-up function over the template's stores, with the local verifier."""

from typing import Any

import pytest

from privacy.settings import load
from signup.app import build
from signup.parts import Parts, SignupSettings, assemble
from tests.unit.engine import SetClock, environment


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(SignupSettings, environment("SignupFunction", CaptchaVerifier="local")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)
