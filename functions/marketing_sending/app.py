"""The marketing queue: ids in, messages to those who agree out."""

from collections.abc import Callable

from marketing_sending.listing import begin, list_shard
from marketing_sending.parts import MarketingSettings, Parts, assemble
from marketing_sending.sending import send
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.queues import MalformedMessageError
from privacy.settings import load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        match message:
            case {"kind": "campaign", "id": campaign_id}:
                begin(parts(), campaign_id)
            case {"kind": "shard", "id": campaign_id, "segment": shard}:
                list_shard(parts(), campaign_id, shard, has_time)
            case {"kind": "message", "id": campaign_id, "account_id": account_id}:
                send(parts(), campaign_id, account_id)
            case _:
                raise MalformedMessageError("there is no such kind of message")

    return consumer("marketing_sending", ("kind", "id"), work)


handler = build(under_policy_in_force(lambda: assemble(load(MarketingSettings))))
