"""AWS clients: one per service and region in a container, with short timeouts and the standard retries."""

import functools
from typing import Any

import boto3
from botocore.config import Config

POOL = 16
"""Calls that one worker keeps in flight (design.md, engines)."""


@functools.cache
def client(service: str, region: str) -> Any:
    """The boto3 client of a service in an AWS region.

    Connections are kept alive and the standard retry mode is on, so every call may be applied twice: writes are
    idempotent by their conditions (https://docs.aws.amazon.com/boto3/latest/guide/retries.html).
    """
    config = Config(
        connect_timeout=3,
        read_timeout=25,
        retries={"mode": "standard", "total_max_attempts": 4},
        max_pool_connections=POOL,
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "auto"} if service == "s3" else None,
    )
    return boto3.client(service, region_name=region, config=config)
