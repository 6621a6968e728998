"""The schedule of trends about visits: which months have no report yet, and for how long."""

from collections.abc import Callable

from privacy.policy import under_policy_in_force
from privacy.schedules import Handler, scheduled
from privacy.settings import Deployment, load
from privacy.trends.making import Making
from visit_trends.parts import assemble


def build(parts: Callable[[], Making]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    return scheduled("visit_trends", lambda: {"trends": [parts().make]})


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
