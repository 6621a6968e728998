"""Every schedule of the template is looked at as it is deployed, and for runs, by a check that relies on it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from privacy.aws import client
from privacy.settings import Deployment, load
from promise_audit.audit import examine
from promise_audit.checks import CHECKS
from promise_audit.inventory import SCHEDULES
from promise_audit.looking import Finding, Look, Status
from promise_audit.parts import assemble
from tests.template.source import template
from tests.unit.engine import ACCOUNT, HOME, STACK, environment
from tests.unit.promise_audit.recorder import Recorder
from tests.unit.promise_audit.world import NOW, SWEPT

pytestmark = pytest.mark.promise("audit.proof")

WATCHED = {
    "session-expiry": "sessions.idle",
    "log-purging": "visits.retention",
    "database-expiry": "databases.grace",
    "account-expiry": "rights.erase",
    "audit-sealing": "security.measures",
    "policy-publishing": "policy.versions",
    "visit-trends": "disclosure.aggregate",
    "account-trends": "disclosure.aggregate",
    "promise-audit": "audit.proof",
}
"""By schedule a promise that is not kept without it."""


def looked_at(promise: str, later: timedelta = timedelta(0), clients: Recorder | None = None) -> Finding:
    """What one check finds, some time later."""
    given = {"clients": clients} if clients else {}
    parts = assemble(load(Deployment, environment("PromiseAuditFunction")), lambda: NOW + later, **given)
    return examine(promise, CHECKS[promise], parts.stores(lambda: True, lambda: True, {}))


def off(function: str) -> None:
    client("events", HOME).disable_rule(Name=f"{STACK}-{function}")


def gone(function: str) -> None:
    events, rule = client("events", HOME), f"{STACK}-{function}"
    events.remove_targets(Rule=rule, Ids=["tick"])
    events.delete_rule(Name=rule)


def aimed_elsewhere(function: str) -> None:
    other = f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:{STACK}-elsewhere"
    client("events", HOME).put_targets(Rule=f"{STACK}-{function}", Targets=[{"Id": "tick", "Arn": other}])


def too_seldom(function: str) -> None:
    client("events", HOME).put_rule(Name=f"{STACK}-{function}", ScheduleExpression="rate(7 days)", State="ENABLED")


def never(function: str) -> None:
    client("events", HOME).put_rule(Name=f"{STACK}-{function}", ScheduleExpression="cron(0 0 1 1 ? 2099)")


def test_each_schedule_of_the_template_is_known_with_its_rate_and_watched() -> None:
    deployed = {}
    for body in template()["Resources"].values():
        if body["Type"] == "AWS::Serverless::Function":
            for event in body["Properties"].get("Events", {}).values():
                if event["Type"] in ("Schedule", "ScheduleV2"):
                    name = body["Properties"]["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
                    number, unit = event["Properties"]["Schedule"].removeprefix("rate(").removesuffix(")").split()
                    deployed[name] = timedelta(**{unit.removesuffix("s") + "s": int(number)})
    assert dict(SCHEDULES) == deployed
    assert set(WATCHED) == set(SCHEDULES)


@pytest.mark.parametrize("breaks", [off, gone, aimed_elsewhere, too_seldom, never])
@pytest.mark.parametrize("function", SCHEDULES)
def test_a_schedule_that_does_not_start_its_function_as_deployed_breaks_a_promise_and_is_named(
    world: None, function: str, breaks: Callable[[str], None]
) -> None:
    promise = WATCHED[function]
    assert looked_at(promise).status is Status.KEPT
    breaks(function)
    finding = looked_at(promise)
    assert finding.status is Status.BROKEN
    assert [line for line in finding.evidence if "schedules that" in line and line.endswith(f": {function}")]


@pytest.mark.parametrize("function", [name for name in SCHEDULES if name != "promise-audit"])
def test_a_schedule_that_did_not_run_is_in_doubt_after_twice_its_time_and_two_hours_at_least(
    world: None, function: str
) -> None:
    patience = max(timedelta(hours=2), 2 * SCHEDULES[function])
    last = timedelta(hours=1)  # figures are by the hour: those that began five minutes ago
    early, late = patience, patience + last + timedelta(minutes=1)
    missing = f"without a run on record for {int(patience / timedelta(hours=1))} hours: {function}"
    promise = WATCHED[function]
    assert not [line for line in looked_at(promise, early).evidence if line.endswith(missing)]
    assert [line for line in looked_at(promise, late).evidence if line.endswith(missing)]


def test_a_function_that_may_not_run_breaks_what_relies_on_its_schedule(world: None) -> None:
    client("lambda", HOME).put_function_concurrency(FunctionName=f"{STACK}-log-purging", ReservedConcurrentExecutions=0)
    finding = looked_at("visits.retention")
    assert finding.status is Status.BROKEN
    assert "1 functions that may not run: log-purging" in finding.evidence


@pytest.mark.parametrize(("names", "is_doubted"), [(("visits",), False), (("visits", "unheard-of"), True)])
def test_a_store_without_figures_beside_others_with_was_not_swept(
    world: None, names: tuple[str, ...], is_doubted: bool
) -> None:
    parts = assemble(load(Deployment, environment("PromiseAuditFunction")), lambda: NOW)
    look = Look("visits.retention", NOW)
    look.ran(parts.stores(lambda: True, lambda: True, {}), "log-purging", *names)
    assert bool(look.doubts) == is_doubted


def test_whatever_a_schedule_tells_of_is_asked_for_by_some_check(world: None) -> None:
    recorder = Recorder()
    for promise in CHECKS:
        looked_at(promise, clients=recorder)
    alarmed = {
        tuple(dimension["Value"] for dimension in body["Properties"]["Dimensions"])
        for body in template()["Resources"].values()
        if body["Type"] == "AWS::CloudWatch::Alarm" and body["Properties"].get("MetricName") == "RemovalLagSeconds"
    }
    # What is left of a deletion is read from its journal (databases.deletion), not from figures.
    assert {pair for pair in alarmed if not pair[1].startswith("deletion.")} - recorder.figures == set()
    assert {(service, name) for service, names in SWEPT.items() for name in names} == recorder.figures
