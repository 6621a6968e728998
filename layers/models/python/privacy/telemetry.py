"""Logs and metrics that say what happened and never about whom.

Only what is passed by name is logged; an exception is logged by its type and place, for its text may carry a value that
somebody sent. The event is never logged (design.md: never `log_event`).
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "Privacy"


# A log line that cannot be written would be reported with the exception being handled, its text included.
logging.raiseExceptions = False


class _Stdout(logging.StreamHandler[TextIO]):
    """Writes to whatever standard output is at that moment, as `print` does."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # an attribute of the base
        return sys.stdout


def logger(function: str) -> Logger:
    """The structured logger of a function."""
    return Logger(service=function, log_uncaught_exceptions=False, logger_handler=_Stdout())


def failed(log: Logger, what: str, error: BaseException) -> None:
    """Log that something failed: the kind of error and where it arose (its cause's, when it names one), never its
    text.
    """
    while error.__cause__ is not None:
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "unknown"
    log.error(what, extra={"error": type(error).__name__, "at": place, "code": _aws_code(error)})


def _aws_code(error: BaseException) -> str | None:
    response: Any = getattr(error, "response", None)
    return response.get("Error", {}).get("Code") if isinstance(response, dict) else None


def gauge(function: str, store: str, **values: int) -> None:
    """Publish counts and seconds about a store (CloudWatch embedded metric format), by store and nothing else."""
    measure(function, "store", store, values)


def measure(function: str, dimension: str, value: str, values: Mapping[str, int]) -> None:
    """Publish counts and seconds about something of ours that has a name, by `dimension` and nothing else."""
    metrics = Metrics(namespace=NAMESPACE, service=function)
    metrics.add_dimension(name=dimension, value=value)
    for name, count in values.items():
        metrics.add_metric(
            name=name, unit=MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count, value=count
        )
    metrics.flush_metrics()
