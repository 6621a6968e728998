"""The schedule of accounts: what has ended, and how late each store was."""

from collections.abc import Callable

from account_expiry.parts import Parts, assemble
from account_expiry.sweeping import sweeps
from privacy.policy import under_policy_in_force
from privacy.schedules import Handler, scheduled
from privacy.settings import Deployment, load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    return scheduled("account_expiry", lambda: sweeps(parts()))


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
