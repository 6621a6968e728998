"""The schedule of visits: what is due, and how late the purge was."""

from collections.abc import Callable
from functools import partial

from log_purging.parts import Parts, assemble
from log_purging.purging import free, purge
from privacy.policy import under_policy_in_force
from privacy.schedules import Handler, scheduled
from privacy.settings import Deployment, load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    return scheduled("log_purging", lambda: {"visits": [partial(free, parts()), partial(purge, parts())]})


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
