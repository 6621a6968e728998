"""The backup queue: ids in; a backup in every Cloud Region out."""

from collections.abc import Callable

from database_backup.backup import back_up
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.settings import Deployment, load
from privacy.work import Parts, assemble


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        back_up(parts(), message["database_id"], message["job_id"], has_time)

    return consumer("database_backup", ("database_id", "job_id"), work)


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
