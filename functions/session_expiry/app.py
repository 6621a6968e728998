"""The schedule of what expires: every store, and how late each was."""

from collections.abc import Callable

from privacy.policy import under_policy_in_force
from privacy.schedules import Handler, scheduled
from privacy.settings import Deployment, load
from session_expiry.parts import Parts, assemble
from session_expiry.sweeping import sweeps


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    return scheduled("session_expiry", lambda: sweeps(parts()))


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
