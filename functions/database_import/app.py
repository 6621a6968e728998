"""The import queue: ids in; records and files of a customer's into their own database."""

from collections.abc import Callable

from database_import.importing import Importing
from database_import.placing import Placing
from database_import.target import Target
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.models.ids import is_id
from privacy.models.jobs import Kind
from privacy.policy import under_policy_in_force
from privacy.queues import MalformedMessageError
from privacy.settings import Deployment, load
from privacy.work import Parts, assemble, take


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        if not is_id("job", message["job_id"]):
            raise MalformedMessageError("the message names no import and no file")
        turn = take(parts().jobs, parts().clock, has_time, message["database_id"], message["job_id"])
        if turn is None:
            return
        target = Target(parts(), turn)
        worker = Placing(target) if turn.job.kind is Kind.FILE else Importing(target)
        turn.run(worker.work, tidy=worker.tidy, send_on=target.send_on, patience=None)

    return consumer("database_import", ("database_id", "job_id"), work)


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
