"""Walks through the stores that grow without bound: once in an audit, and on from where the last one had to stop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Token = dict[str, Any]
"""Where a store goes on, in the words of its own interface."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far walks through a store have come: where the next begins (`token`, None: at the beginning), when the round
    under way began, and when the last round began that came to the end (epoch seconds).
    """

    token: Token | None = None
    began: int = 0
    whole: int = 0


@dataclass
class Walk:
    """A walk of this audit: `begins` where the last one stopped, and has `reached` a place where the next goes on;
    `is_whole` says that it saw all of its store.
    """

    begins: Place
    now: int
    reached: Place
    is_whole: bool = False

    def pages(
        self, ask: Callable[[Token | None], tuple[Any, Token | None]], may_go_on: Callable[[], bool]
    ) -> Iterator[Any]:
        """Page after page, to the end of the store or while there is time."""
        token, began, whole = self.begins.token, self.begins.began, self.begins.whole
        if token is None:
            began = self.now
        while may_go_on():
            if token == self.begins.token:
                self.reached = Place(whole=whole)  # a place that the store does not know any more is forgotten
            page, token = ask(token)
            yield page
            if token is None:
                self.reached = Place(whole=began)
                self.is_whole = self.begins.token is None
                return
            self.reached = Place(token, began, whole)
