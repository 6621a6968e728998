"""The export queue: ids in, a ZIP in the transfer bucket out."""

from collections.abc import Callable

from database_export.export import export
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.settings import Deployment, load
from privacy.work import Parts, assemble


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        export(parts(), message["database_id"], message["export_id"], has_time)

    return consumer("database_export", ("database_id", "export_id"), work)


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
