"""The policy as data: what is promised, for how long, where; one loader for all of it."""

from privacy.policy.periods import Period
from privacy.policy.register import Policy, Promise, load

__all__ = ["Period", "Policy", "Promise", "load"]
