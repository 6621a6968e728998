"""An operator's call, which asks for a restore or follows one, and the restore queue, which does it."""

from collections.abc import Callable
from typing import Any

from database_restore.asking import answer, is_call
from database_restore.parts import Parts, RestoreSettings, assemble
from database_restore.restoring import restore
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.settings import load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first call or message."""

    def work(message: Message, has_time: HasTime) -> None:
        restore(parts(), message["database_id"], message["job_id"], has_time)

    queue = consumer("database_restore", ("database_id", "job_id"), work)

    def handler(event: Any, context: Any) -> Any:
        """Answer an operator, or do what a batch of messages asks for."""
        return answer(parts(), event) if is_call(event) else queue(event, context)

    return handler


handler = build(under_policy_in_force(lambda: assemble(load(RestoreSettings))))
