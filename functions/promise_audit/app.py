"""The schedule of the promise audit, and the audit on demand (`{"demand": "audit"}`)."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from privacy.policy import under_policy_in_force
from privacy.settings import Deployment, load
from privacy.telemetry import failed, gauge, logger, measure
from promise_audit.audit import audit
from promise_audit.checks import CHECKS
from promise_audit.looking import Finding, Status
from promise_audit.parts import Parts, assemble

MARGIN_SECONDS = 60
"""Kept of a function's timeout to publish what was found."""

WALKING = 0.5
"""The share of a function's time for walks through big stores; the rest is for all else, and for looking again."""

FUNCTION = "promise_audit"


class UnknownEventError(ValueError):
    """Something else than a schedule or an operator started the function."""


def build(parts: Callable[[], Parts]) -> Callable[[Any, Any], dict[str, Any]]:
    """The handler over its parts, which are asked for at the first tick."""
    log = logger(FUNCTION)

    def handler(event: Any, context: Any) -> dict[str, Any]:
        """Check every promise, publish what was found, and answer with the status of each."""
        if not _is_ours(event):
            unknown = UnknownEventError("this is neither a tick of a schedule of ours nor a demand")
            failed(log, "nothing done", unknown)
            return {"error": str(unknown)}

        given = context.get_remaining_time_in_millis()

        def has_time() -> bool:
            return bool(context.get_remaining_time_in_millis() > MARGIN_SECONDS * 1000)

        def may_walk() -> bool:
            return has_time() and bool(context.get_remaining_time_in_millis() > given * (1 - WALKING))

        now, findings = parts().clock(), parts().findings()
        places, left = findings.places()
        stores = parts().stores(has_time, may_walk, places)
        found: list[Finding] = []
        for finding in audit(stores, lambda: parts().stores(has_time, has_time, places), CHECKS, left):
            findings.publish(finding, now)
            _measure(finding)
            found.append(finding)
        reached = {name: walk.reached for name, walk in stores.walks.items()}
        findings.keep_places({**places, **reached}, {one.promise for one in found if one.is_partial})
        counts = Counter(finding.status for finding in found)
        totals = {status.value: counts[status] for status in Status}
        gauge(FUNCTION, "promises", Broken=counts[Status.BROKEN], AtRisk=counts[Status.AT_RISK])
        return {**totals, "promises": {finding.promise: finding.status.value for finding in found}}

    return handler


def _is_ours(event: Any) -> bool:
    if not isinstance(event, dict):
        return False
    return event == {"demand": "audit"} or (event.get("source") == "aws.events" and "detail-type" in event)


def _measure(finding: Finding) -> None:
    values = {
        "Broken": int(finding.status is Status.BROKEN),
        "AtRisk": int(finding.status is Status.AT_RISK),
        "Overdue": finding.overdue,
    }
    measure(FUNCTION, "promise", finding.promise, values)


handler = build(under_policy_in_force(lambda: assemble(load(Deployment))))
