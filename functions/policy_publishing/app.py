"""The schedule of the policy: what was archived, whether a version was edited, and who is told."""

import functools
from collections.abc import Callable

from policy_publishing.parts import Parts, assemble
from policy_publishing.publishing import sweeps
from privacy.schedules import Handler, scheduled
from privacy.settings import Deployment, load


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    return scheduled("policy_publishing", lambda: sweeps(parts()))


handler = build(functools.cache(lambda: assemble(load(Deployment))))
