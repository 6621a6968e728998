"""For all tests: credentials that open nothing, and no trace of the caller's own AWS settings."""

import os
from collections.abc import Iterator

import pytest

FAKE = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_REGION": "ap-southeast-1",
    "AWS_DEFAULT_REGION": "ap-southeast-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",  # moto's streams need it with a recent boto3
}


@pytest.fixture(autouse=True, scope="session")
def fake_credentials() -> Iterator[None]:
    """Nothing that a test does can reach an account of somebody's."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                environment.delenv(name)
        for name, value in FAKE.items():
            environment.setenv(name, value)
        yield
