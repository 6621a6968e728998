"""AWS clients: one per service and region in a container, with short timeouts and the standard retries; and the threads
in which calls to them overlap.
"""

import functools
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import boto3
from botocore.config import Config

T = TypeVar("T")
R = TypeVar("R")

POOL = 16
"""Calls that one worker keeps in flight (design.md, engines)."""


@functools.cache
def client(service: str, region: str, attempts: int = 4) -> Any:
    """The boto3 client of a service in an AWS region.

    Connections are kept alive and the standard retry mode is on, so every call may be applied twice: writes are
    idempotent by their conditions (https://docs.aws.amazon.com/boto3/latest/guide/retries.html). With one of the
    `attempts` a call is made once.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=25,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=POOL,
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "auto"} if service == "s3" else None,
    )
    return boto3.client(service, region_name=region, config=config)


def overlapped(call: Callable[[T], R], arguments: Iterable[T]) -> list[R]:
    """A call for each argument, up to `POOL` at a time in the threads that a container keeps; their answers in order.

    None is under way any more when this returns or raises: a container may be frozen between two requests, and what it
    left in flight would be written when it thaws. A call must not itself wait for others through here.

    Raises: what the first call that failed raised; those that had not begun are not made.
    """
    waiting = list(arguments)
    if len(waiting) < 2:
        return [call(argument) for argument in waiting]
    futures = [_threads().submit(call, argument) for argument in waiting]
    try:
        wait(futures, return_when=FIRST_EXCEPTION)
    finally:
        for future in futures:
            future.cancel()
        wait(futures)
    return [future.result() for future in futures if not future.cancelled()]


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(POOL, thread_name_prefix="calls")
