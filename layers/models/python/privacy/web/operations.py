"""What a route takes and answers, as the published interface (OpenAPI) tells it: a row for each, in the `operations.py`
beside the function's `app.py`.

Nothing here runs in a function. Who may call, and what follows from it, is in `privacy.web.callers`; tests hold each
row against its route.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter

from privacy.web.shapes import Shape

JSON = "application/json"
ANY = "*/*"


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is no form: what it is, and its schema by content type. `form` is the model of what may come in its
    place as JSON.
    """

    what: str
    types: Mapping[str, Shape]
    form: type[BaseModel] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with a body other than JSON, or with headers to tell of (each with what it says)."""

    content: Mapping[str, Shape] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """A route with its method.

    `body` is the model that the view parses, or several (`oneOf`), or other content. `answers` gives the shape of the
    JSON by status, None for no body. `problems` are the statuses of refusals beyond those that follow from the caller,
    the body and the parameters. `creates` says that an Idempotency-Key counts, `paged` that it is a list by limit and
    cursor. `query` are further parameters, by name with their schema (a `?` ends the name of an optional one).
    """

    summary: str
    answers: Mapping[HTTPStatus | int, Shape | Answer | None]
    body: type[BaseModel] | TypeAdapter[Any] | Content | None = None
    problems: tuple[int, ...] = ()
    creates: bool = False
    paged: bool = False
    query: Mapping[str, Shape] = field(default_factory=dict)
    may_be_empty: bool = False
    """Whether the body may be left out."""


Operations = Mapping[str, Operation]
"""By route, as in `privacy.web.callers`: `POST /databases`."""
