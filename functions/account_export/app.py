"""The queue of account exports: ids in, a ZIP in the transfer bucket out."""

from collections.abc import Callable

from account_export.export import export
from account_export.parts import Parts, assemble
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.settings import Deployment, load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        export(parts(), message["account_id"], message["export_id"], has_time)

    return consumer("account_export", ("account_id", "export_id"), work)


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
