"""Every route of every function: its view, its declaration and who may call it."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from privacy.web.callers import CALLERS, Callers
from privacy.web.operations import Operation, Operations

FUNCTIONS = Path(__file__).parents[1] / "functions"


class UndeclaredError(Exception):
    """A route is not declared, or a declaration has no route."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route with its method, of one function."""

    function: str
    method: str
    path: str
    view: Callable[..., Any]
    operation: Operation
    callers: Callers

    @property
    def name(self) -> str:
        """As in `privacy.web.callers`."""
        return f"{self.method} {self.path}"


def routes() -> Iterator[Route]:
    """The routes of all functions that have an `operations.py`, each function's in its own order.

    Raises: UndeclaredError.
    """
    for folder in sorted(path.parent.name for path in FUNCTIONS.glob("*/operations.py")):
        app = importlib.import_module(f"{folder}.app").app
        declared: Operations = importlib.import_module(f"{folder}.operations").OPERATIONS
        views = {
            f"{method} {path}": entry.view_function
            for path, methods in app.routes.items()
            for method, entry in methods.items()
        }
        if strays := views.keys() ^ declared.keys():
            raise UndeclaredError(f"{folder}: a route without its operation, or the reverse: {sorted(strays)}")
        for name, operation in declared.items():
            if name not in CALLERS:
                raise UndeclaredError(f"{folder}: privacy.web.callers does not say who may call {name}")
            method, path = name.split(" ", 1)
            yield Route(folder, method, path, views[name], operation, CALLERS[name])
