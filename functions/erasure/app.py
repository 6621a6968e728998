"""The erasure queue: ids in, nothing of a person's out but the mail to them."""

from collections.abc import Callable

from erasure.erasing import Worker
from erasure.parts import ErasureSettings, assemble
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.settings import load


def build(worker: Callable[[], Worker]) -> Handler:
    """The handler over its worker, which is asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        worker().work(message["id"], has_time)

    return consumer("erasure", ("id",), work)


handler = build(under_policy_in_force(lambda: assemble(load(ErasureSettings))))
