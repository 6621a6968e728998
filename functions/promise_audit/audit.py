"""One audit: every check on its own, so that one that fails keeps no other from looking."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from promise_audit.checks.proof import Check
from promise_audit.looking import Finding, Look, Status
from promise_audit.stores import NotDeployedError, Stores

ONCE = "in doubt: something was wrong at the first look, and there was no time for a second"


def audit(
    stores: Stores, look_again: Callable[[], Stores], checks: Mapping[str, Check], first: Collection[str] = ()
) -> Iterator[Finding]:
    """What each check finds; `look_again` gives the stores with nothing remembered of an earlier look.

    What lies in two stores cannot be read at one moment: a write under way may look like a violation. So broken is said
    only of what is found twice; where there is no time for that, it is at risk. The promises in `first` come first:
    those that the last audit had no time for.
    """
    for promise in sorted(stores.policy.promises, key=lambda one: one not in first):
        check = checks.get(promise, _missing)
        found = examine(promise, check, stores)
        if found.status is Status.BROKEN:
            again = examine(promise, check, look_again())
            unsure = again.is_partial and again.status is not Status.BROKEN
            found = replace(again, evidence=(*again.evidence, ONCE)) if unsure else again
        yield found


def examine(promise: str, check: Check, stores: Stores) -> Finding:
    """What one check finds. One that fails is a risk: nobody looked."""
    look = Look(promise, stores.now)
    with look.trying():
        try:
            check(stores, look)
        except NotDeployedError:
            raise
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            look.doubt(f"the check failed: {type(error).__name__}")
    return look.finding()


def _missing(_: Stores, look: Look) -> None:
    look.doubt("no check of this promise")
