"""One audit: every check on its own, so that one that fails keeps no other from looking."""

from collections.abc import Callable, Iterator, Mapping

from promise_audit.checks.proof import Check
from promise_audit.looking import Finding, Look, Status
from promise_audit.stores import NotDeployedError, Stores


def audit(look_again: Callable[[], Stores], checks: Mapping[str, Check]) -> Iterator[Finding]:
    """What each check finds; `look_again` gives the stores with nothing remembered of an earlier look.

    What lies in two stores cannot be read at one moment: a write under way may look like a violation. So broken is said
    only of what is found twice.
    """
    stores = look_again()
    for promise in stores.policy.promises:
        check = checks.get(promise, _missing)
        found = examine(promise, check, stores)
        if found.status is Status.BROKEN:
            found = examine(promise, check, look_again())
        yield found


def examine(promise: str, check: Check, stores: Stores) -> Finding:
    """What one check finds. One that fails is a risk: nobody looked."""
    look = Look(promise, stores.now)
    with look.trying():
        try:
            check(stores, look)
        except NotDeployedError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            look.doubt(f"the check failed: {type(error).__name__}")
    return look.finding()


def _missing(_: Stores, look: Look) -> None:
    look.doubt("no check of this promise")
