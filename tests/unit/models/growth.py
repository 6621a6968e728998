"""Whether a cost grows with the length of what is read, and no faster."""

import time
from collections.abc import Callable

_TIMES = 8
"""How much longer the long text is than the short one. What costs the square of it costs 64 times as much."""

_SLACK = 3
"""What a linear cost may vary by, for one is never measured exactly."""

_ROUNDS = 12
"""Measurements at most. Each keeps the least that each length has cost, so that whatever else a machine is doing
matters less and less: what is linear ends within a round or two, and what is not never passes."""


def grows_with_the_length(work: Callable[[int], object], short: int) -> bool:
    """Whether `work` on a length of eight times `short` costs no more than a linear cost may (CPU time)."""
    least = {short: 1e9, _TIMES * short: 1e9}
    for _ in range(_ROUNDS):
        for length in least:
            begun = time.process_time()
            work(length)
            least[length] = min(least[length], time.process_time() - begun)
        if least[_TIMES * short] <= _TIMES * _SLACK * least[short] + 0.01:
            return True
    return False
