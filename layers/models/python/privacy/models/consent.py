"""A visitor's choice about cookies, and what `td_id` says of it (promise cookies.choice).

`v1.<policy version>.<day>.p0a1`: preferences rejected, analytics accepted. All who chose the same on a day carry the
same text, so it names nobody.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from pydantic import StrictBool

from privacy.models.fields import Form
from privacy.policy import Policy, versions

COOKIE = "td_id"

_TEXT = re.compile(r"v1\.([0-9]{4}-[0-9]{2}-[0-9]{2})\.([0-9]{8})\.p([01])a([01])")


class ConsentForm(Form):
    """The body of `PUT /cookies/consent`: each category that a visitor may reject, answered."""

    preferences: StrictBool
    analytics: StrictBool


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, on which day (UTC), and the version of the policy that it was asked under."""

    preferences: bool
    analytics: bool
    day: date
    version: date

    @property
    def decided_at(self) -> datetime:
        """The beginning of its day: nothing finer is known of it."""
        return datetime.combine(self.day, time(), UTC)

    def expires_at(self, policy: Policy) -> datetime:
        """When the visitor is asked anew."""
        return policy.retention["cookies.choice"].after(self.decided_at)

    @property
    def text(self) -> str:
        """The cookie's value."""
        return f"v1.{self.version}.{self.day:%Y%m%d}.p{self.preferences:d}a{self.analytics:d}"


def read(text: str, policy: Policy, now: datetime) -> Choice | None:
    """The choice that a cookie's value tells, if it is in force: not one that has expired, that nobody can have made
    yet, or that was asked before other cookies or categories were there to reject.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    version, day, preferences, analytics = match.groups()
    try:
        choice = Choice(preferences == "1", analytics == "1", date.fromisoformat(day), date.fromisoformat(version))
    except ValueError:
        return None
    asked_under = versions().get(choice.version)
    if asked_under is None or _rejectable(asked_under) != _rejectable(policy):
        return None
    return choice if choice.decided_at <= now < choice.expires_at(policy) else None


def allowed(policy: Policy, preferences: bool, analytics: bool) -> list[str]:
    """The cookies of the register that a choice allows, as they are called there (a name may end in `*`)."""
    return [name for category, name in _cookies(policy) if _accepts(policy, category, preferences, analytics)]


def rejected(policy: Policy, preferences: bool, analytics: bool) -> list[str]:
    """What browsers know those cookies of the register as that a choice, or its absence, does not allow."""
    categories = [each for each in policy.cookies.values() if not _accepts(policy, each.id, preferences, analytics)]
    return [name for category in categories for cookie in category.cookies for name in cookie.called]


def _accepts(policy: Policy, category: str, preferences: bool, analytics: bool) -> bool:
    chosen = {"preferences": preferences, "analytics": analytics}
    return policy.cookies[category].required or chosen.get(category, False)


def _cookies(policy: Policy) -> list[tuple[str, str]]:
    return [(category.id, cookie.name) for category in policy.cookies.values() for cookie in category.cookies]


def _rejectable(policy: Policy) -> set[tuple[str, str]]:
    return {(category, name) for category, name in _cookies(policy) if not policy.cookies[category].required}
