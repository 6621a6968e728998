"""The deletion queue: ids in, nothing of a customer's out."""

from collections.abc import Callable

from database_deletion.deletion import Deletion
from database_deletion.parts import DeletionSettings, assemble
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.settings import load


def build(deletion: Callable[[], Deletion]) -> Handler:
    """The handler over its worker, which is asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        deletion().work(message, has_time)

    return consumer("database_deletion", ("database_id", "step"), work)


handler = build(under_policy_in_force(lambda: assemble(load(DeletionSettings))))
