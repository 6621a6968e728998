"""Logs and metrics that say what happened and never about whom.

Only what is passed by name is logged; an exception is logged by its type and place, for its text may carry a value that
somebody sent. The event is never logged (design.md: never `log_event`).
"""

import traceback
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "Privacy"


def logger(function: str) -> Logger:
    """The structured logger of a function."""
    return Logger(service=function, log_uncaught_exceptions=False)


def failed(log: Logger, what: str, error: BaseException) -> None:
    """Log that something failed: the kind of error and where it arose, never its text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "unknown"
    log.error(what, extra={"error": type(error).__name__, "at": place, "code": _aws_code(error)})


def _aws_code(error: BaseException) -> str | None:
    response: Any = getattr(error, "response", None)
    return response.get("Error", {}).get("Code") if isinstance(response, dict) else None


def gauge(function: str, store: str, **values: int) -> None:
    """Publish counts and seconds about a store (CloudWatch embedded metric format), by store and nothing else."""
    metrics = Metrics(namespace=NAMESPACE, service=function)
    metrics.add_dimension(name="store", value=store)
    for name, value in values.items():
        metrics.add_metric(
            name=name, unit=MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count, value=value
        )
    metrics.flush_metrics()
