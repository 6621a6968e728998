"""What the audit stands on: clients of its own, so that nothing of the code that keeps the promises is between."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from privacy import policy
from privacy.clock import Clock, system_clock
from privacy.settings import Deployment
from promise_audit.publication import Findings
from promise_audit.stores import Clients, Stores
from promise_audit.walking import Place


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once."""

    settings: Deployment
    clock: Clock
    clients: Clients

    def stores(self, has_time: Callable[[], bool], may_walk: Callable[[], bool], places: Mapping[str, Place]) -> Stores:
        """The stores as they are now, nothing remembered of an earlier look; walks go on at their places."""
        return Stores(
            stack=self.settings.stack,
            account=self.settings.account,
            home=self.settings.home_region,
            policy=policy.load(),
            now=self.clock(),
            clients=self.clients,
            has_time=has_time,
            may_walk=may_walk,
            places=places,
        )

    def findings(self) -> Findings:
        """Where findings are published."""
        dynamodb = self.clients("dynamodb", self.settings.home_region)
        return Findings(dynamodb, f"{self.settings.stack}-findings", policy.load().retention["findings"])


@functools.cache
def client(service: str, region: str) -> Any:
    """The boto3 client of a service in an AWS region."""
    s3 = {"addressing_style": "auto"} if service == "s3" else None
    config = Config(connect_timeout=3, read_timeout=25, retries={"mode": "standard", "total_max_attempts": 4}, s3=s3)
    return boto3.client(service, region_name=region, config=config)


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    return Parts(settings, clock, clients)
