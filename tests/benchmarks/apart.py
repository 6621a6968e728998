"""The stores of a deployment in a process of their own: however much they hold, it is not the memory of who uses them.

A call and its answer are pickled on their way, as boto3 puts them into HTTP: one call's worth of memory, whatever the
database holds.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from typing import Any

from privacy.models.databases import Database
from tests.benchmarks.cloud import Cloud
from tests.unit.engine import REGIONS

Fill = Callable[[Cloud], Database]
"""Puts a database into a new cloud. It goes to the other process by its name, so it is a module's function."""


class Stores(BaseManager):
    """The process."""


@contextmanager
def apart(fill: Fill) -> Iterator[tuple[Cloud, Database]]:
    """A cloud whose stores are in another process, and the database that was put there."""
    manager: Any = Stores(ctx=get_context("spawn"))  # a fork would have our thread pools, and no threads in them
    manager.start()
    try:
        database: Database = manager.filled(fill)._getvalue()
        tables = {region: manager.tables(region) for region in REGIONS}
        yield Cloud(tables, manager.buckets()), database
    finally:
        manager.shutdown()


@cache
def _cloud() -> Cloud:
    return Cloud()


def _filled(fill: Fill) -> Database:
    return fill(_cloud())


def _tables(region: str) -> Any:
    return _cloud().tables[region]


def _buckets() -> Any:
    return _cloud().s3


Stores.register("filled", _filled)
Stores.register("tables", _tables)
Stores.register("buckets", _buckets)
