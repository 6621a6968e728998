"""The move queue: ids in; a database in another Cloud Region, and nothing of it where it was."""

from collections.abc import Callable

from database_move.moving import move
from database_move.parts import MoveSettings, Parts, assemble
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.settings import load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        move(parts(), message["database_id"], message["job_id"], has_time)

    return consumer("database_move", ("database_id", "job_id"), work)


handler = build(under_policy_in_force(lambda: assemble(load(MoveSettings))))
