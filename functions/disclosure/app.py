"""The disclosure queue: ids in, registered fields out."""

from collections.abc import Callable

from disclosure.disclosing import disclose
from disclosure.parts import DisclosureSettings, Parts, assemble
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.settings import load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        del has_time  # one request, whose timeout is short
        disclose(parts(), message["id"])

    return consumer("disclosure", ("id",), work)


handler = build(under_policy_in_force(lambda: assemble(load(DisclosureSettings))))
