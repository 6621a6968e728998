"""What may be said of a count of people: the mechanism of promise disclosure.aggregate, with its reasoning in
docs/trends.md.
"""

import hashlib
import hmac
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from privacy.models.trends import ROUNDED_TO

EPSILON = 0.5
"""The privacy loss of one count (differential privacy, discrete Laplace noise for a sensitivity of one person). A
person is in at most two counts of a table, a cell's and that of `other`: 1 a table."""

DELTA = 1e-4
"""How probable it may be that a cell of just `k` people is told at all: that one of `k` - 1 never is tells them
apart."""

OTHER = "other"
"""The cell of all whose own cell is too small, or whose value is not known."""

_ALPHA = math.exp(-EPSILON)

MARGIN = math.ceil(math.log(1 / (DELTA * (1 + _ALPHA))) / EPSILON)
"""People beyond `k` that a noisy count needs to be told: P(noise >= m) = alpha^m / (1 + alpha) is at most `DELTA` from
here on."""

NoiseOf = Callable[[str, int], int]
"""The noise of a cell with a true count, in people."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise that only who has the key can tell: the same for the same count of the same cell of the same report, so
    that counting again does not average it away, and another one for another count, so that the difference of two
    countings tells nothing.
    """

    key: bytes
    report: str

    def of(self, table: str) -> NoiseOf:
        """The noise of a table's cells: two-sided geometric (discrete Laplace), whole people."""
        return lambda cell, people: self._drawn(table, cell, people)

    def _drawn(self, table: str, cell: str, people: int) -> int:
        place = json.dumps([self.report, table, cell, people]).encode("ascii")
        digest = hmac.digest(self.key, place, hashlib.sha256)
        return _geometric(digest[:8]) - _geometric(digest[8:16])


def _geometric(drawn: bytes) -> int:
    """A whole number g with probability (1 - alpha) alpha^g, from 64 uniform bits."""
    uniform = (int.from_bytes(drawn) + 1) / 2**64
    return math.floor(-math.log(uniform) / EPSILON)


def published(people: Mapping[str, int], noise: NoiseOf, least: int) -> dict[str, int]:
    """What is told of a table, of which each person is in one cell: nothing, or some cells and `other`, whose people
    together are everybody. No cell that is told has fewer than `least` people.

    Since `other` is always among them, and always large, there is no remainder that somebody could subtract down to.
    """
    enough = least + MARGIN
    noisy = {cell: count + noise(cell, count) for cell, count in people.items() if cell != OTHER and count >= least}
    told = {cell: count for cell, count in noisy.items() if count >= enough}
    rest = sum(count for cell, count in people.items() if cell not in told)
    other = rest + noise(OTHER, rest)
    for cell in sorted(told, key=lambda one: (told[one], one)):
        if other >= enough:
            break
        # Complementary suppression, by noisy counts alone: what is decided here tells no more than they do.
        other += told.pop(cell)
        rest += people[cell]
    if other < enough or rest < least:
        return {}
    return {cell: ROUNDED_TO * round(count / ROUNDED_TO) for cell, count in (told | {OTHER: other}).items()}
