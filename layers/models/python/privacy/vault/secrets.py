"""The secrets of this deployment, from Secrets Manager, held by a container for a bounded time."""

import functools
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider

_CACHE_SECONDS = 300


def secret(client: Any, name: str) -> bytes:
    """A secret's text as bytes, by its name or ARN.

    Cached for five minutes, so that a rotated secret is picked up without a deployment.
    """
    return str(_provider(client).get(name, max_age=_CACHE_SECONDS)).encode("utf-8")


@functools.cache
def _provider(client: Any) -> SecretsProvider:
    return SecretsProvider(boto3_client=client)
