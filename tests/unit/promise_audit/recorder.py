"""Clients that tell which calls were made: what the audit asks of AWS, and how often."""

from collections import Counter
from typing import Any

from privacy.aws import client


class Recorder:
    """Gives clients, and counts the calls through them by service and operation (as boto3 spells it)."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.scanned: Counter[tuple[str, str]] = Counter()
        """By region and table."""
        self.figures: set[tuple[str, str]] = set()
        """Service and store of the figures that were asked for."""

    def __call__(self, service: str, region: str) -> Any:
        return _Client(client(service, region), service, region, self)


class _Client:
    def __init__(self, asked: Any, service: str, region: str, recorder: Recorder) -> None:
        self._asked, self._service, self._region, self._recorder = asked, service, region, recorder

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._asked, name)
        if name == "get_paginator":
            return self._paginator
        if not callable(found):
            return found

        def call(**arguments: Any) -> Any:
            self._recorder.calls[self._service, name] += 1
            if name == "scan":
                self._recorder.scanned[self._region, arguments["TableName"]] += 1
            if name == "get_metric_statistics":
                service, store = (dimension["Value"] for dimension in arguments["Dimensions"])
                self._recorder.figures.add((service, store))
            return found(**arguments)

        return call

    def _paginator(self, operation: str) -> Any:
        self._recorder.calls[self._service, operation] += 1
        return self._asked.get_paginator(operation)
