"""Trend reports: how many people there were of each kind in a month, in groups only (promise disclosure.aggregate)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from privacy.clock import rfc3339

ROUNDED_TO = 5
"""What every published count is a multiple of."""

SUBJECTS = ("visits", "accounts")
"""What reports are about, each with a report of its own for each month."""

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month (UTC)."""

    year: int
    number: int

    @classmethod
    def of(cls, instant: datetime) -> Self:
        """The month that an instant lies in."""
        there = instant.astimezone(UTC)
        return cls(there.year, there.month)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-11`. Raises: ValueError."""
        match = _MONTH.fullmatch(text)
        if match is None or match[1] == "0000":
            raise ValueError("a month is written as 2026-11")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def begins(self) -> datetime:
        """Its first instant."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        """The first instant after it."""
        return self.following.begins

    @property
    def following(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def up_to(self, last: "Month") -> Iterator["Month"]:
        """The months from this one to another, both included."""
        month = self
        while month <= last:
            yield month
            month = month.following


@dataclass(frozen=True, slots=True)
class Report:
    """A month's published counts of one subject: by each table (such as `country`) the people of each of its cells.

    A table that can be told without singling anybody out has cells, one of them `other`; any other table has none.
    """

    subject: str
    month: Month
    made_at: datetime
    policy_version: str
    least_people: int
    tables: Mapping[str, Mapping[str, int]]

    def document(self, least: int) -> dict[str, Any]:
        """As staff see it: the largest cells first, and nothing of a table that counts fewer than `least` people in a
        cell, or fewer than its own report wanted: no such cell is made, and none is shown, however it came there.
        """
        enough = max(least, self.least_people)
        return {
            "of": self.subject,
            "made_at": rfc3339(self.made_at),
            "policy_version": self.policy_version,
            "least_people": self.least_people,
            "rounded_to": ROUNDED_TO,
            "tables": [
                {
                    "by": by,
                    "cells": [
                        {"value": value, "people": people}
                        for value, people in sorted(cells.items(), key=lambda cell: (-cell[1], cell[0]))
                        if min(cells.values()) >= enough
                    ],
                }
                for by, cells in sorted(self.tables.items())
            ],
        }
