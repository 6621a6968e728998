"""How fast passwords may be tried at one address: a wait that grows, and never a lock, which anybody could shut for
the owner.
"""

FREE_ATTEMPTS = 10
"""Wrong passwords in a row before the first wait, our default: more than people need, few for who guesses."""

FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 1200
"""Seconds. NIST SP 800-63B, section 3.2.2, lets the wait grow from 30 seconds up to an hour. With 20 minutes nobody
gets to try a hundred passwords in a day (its limit for wrong ones in a row), and an owner waits for minutes only."""

_DOUBLINGS = 10
"""More than it takes from the first wait to the longest."""


def wait_after(attempts: int) -> int:
    """Seconds from an attempt to the next one, when it was the `attempts`-th in a row without a success."""
    beyond = attempts - FREE_ATTEMPTS
    if beyond < 0:
        return 0
    return min(FIRST_WAIT_SECONDS << min(beyond, _DOUBLINGS), LONGEST_WAIT_SECONDS)
