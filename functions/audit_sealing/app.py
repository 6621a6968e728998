"""The schedule of the audit trail: what waits to be sealed, and how long it waited."""

from collections.abc import Callable
from functools import partial

from audit_sealing.parts import Parts, assemble
from audit_sealing.sealing import seal
from privacy.policy import under_policy_in_force
from privacy.schedules import Handler, scheduled
from privacy.settings import Deployment, load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    return scheduled("audit_sealing", lambda: {"audit": [partial(seal, parts())]})


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
