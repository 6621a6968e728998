"""The policy as data: what is promised, for how long, where; one loader for all of it."""

from privacy.policy.periods import Period
from privacy.policy.register import (
    Category,
    Cookie,
    CookieCategory,
    Policy,
    Processor,
    Promise,
    Retained,
    Sharing,
    in_force,
    load,
    under_policy_in_force,
    versions,
)

__all__ = [
    "Category",
    "Cookie",
    "CookieCategory",
    "Period",
    "Policy",
    "Processor",
    "Promise",
    "Retained",
    "Sharing",
    "in_force",
    "load",
    "under_policy_in_force",
    "versions",
]
