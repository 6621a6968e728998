"""The mail queue: ids in, mails out."""

from collections.abc import Callable

from mail.parts import MailSettings, Parts, assemble
from mail.writing import write
from privacy.consumer import Handler, HasTime, Message, consumer
from privacy.policy import under_policy_in_force
from privacy.settings import load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first message."""

    def work(message: Message, has_time: HasTime) -> None:
        del has_time  # a mail is sent at once, or not
        write(parts(), message)

    return consumer("mail", ("kind", "id"), work)


handler = build(under_policy_in_force(lambda: assemble(load(MailSettings))))
