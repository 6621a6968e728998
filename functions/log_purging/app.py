"""The schedule of visits: what is due, and how late the purge was."""

from collections.abc import Callable
from functools import cache, partial

from log_purging.parts import Parts, assemble
from log_purging.purging import free, purge
from privacy.schedules import Handler, scheduled
from privacy.settings import Deployment, load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    return scheduled("log_purging", lambda: {"visits": [partial(free, parts()), partial(purge, parts())]})


handler = build(cache(lambda: assemble(load(Deployment))))
