"""Watching and disturbing the calls to AWS, from outside: what is called, and what happens right before a call."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from privacy.aws import client
from tests.unit.engine import REGIONS

SERVICES = ("dynamodb", "s3", "kms", "sqs", "secretsmanager")


class KilledError(Exception):
    """The worker dies here."""


@contextmanager
def before_each_call(act: Callable[[str], None]) -> Iterator[None]:
    """Do something right before every call, which is named like `dynamodb.GetItem`."""

    def handler(model: Any, **_: Any) -> None:
        act(f"{model.service_model.service_name}.{model.name}")

    emitters = [client(service, region).meta.events for service in SERVICES for region in REGIONS]
    for emitter in emitters:
        emitter.register_first("before-call.*.*", handler)
    try:
        yield
    finally:
        for emitter in emitters:
            emitter.unregister("before-call.*.*", handler)


@contextmanager
def recorded() -> Iterator[Counter[str]]:
    """How often each call was made."""
    calls: Counter[str] = Counter()
    with before_each_call(lambda name: calls.update([name])):
        yield calls


@contextmanager
def killed_at(number: int) -> Iterator[list[str]]:
    """Die right before the call of a number, counted from 0; the calls that were made."""
    made: list[str] = []

    def act(name: str) -> None:
        if len(made) == number:
            raise KilledError
        made.append(name)

    with before_each_call(act):
        yield made


@contextmanager
def once_before(call: str, act: Callable[[], object]) -> Iterator[None]:
    """Let something happen right before the first call of a kind."""
    waiting = [act]

    def step(name: str) -> None:
        if name == call and waiting:
            waiting.pop()()

    with before_each_call(step):
        yield
