"""The schedule of trends about accounts: which months have no report yet, and for how long."""

from collections.abc import Callable

from account_trends.parts import assemble
from privacy.policy import under_policy_in_force
from privacy.schedules import Handler, scheduled
from privacy.settings import Deployment, load
from privacy.trends.making import Making


def build(parts: Callable[[], Making]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    return scheduled("account_trends", lambda: {"trends": [parts().make]})


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
