"""The policy as data: what is promised, for how long, where; one loader for all of it."""

from privacy.policy.changes import Change, changes, material
from privacy.policy.documents import Document, documents
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
    day_in_force,
    in_force,
    load,
    under_policy_in_force,
    versions,
)

__all__ = [
    "Category",
    "Change",
    "Cookie",
    "CookieCategory",
    "Document",
    "Period",
    "Policy",
    "Processor",
    "Promise",
    "Retained",
    "Sharing",
    "changes",
    "day_in_force",
    "documents",
    "in_force",
    "load",
    "material",
    "under_policy_in_force",
    "versions",
]
