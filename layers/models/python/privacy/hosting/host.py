"""A Cloud Region as a host of customer databases: its clients, names and keyring, the same in both regions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from privacy.aws import client
from privacy.policy import Policy
from privacy.tables.keys import Keys
from privacy.tables.store import Table
from privacy.vault.keys import Keyring


@dataclass(frozen=True, slots=True)
class Names:
    """Physical names, formed the same way in every region, so that one region can name what lies in another.

    `stack` is the stack's name and `account` the AWS account, as the template uses them.
    """

    stack: str
    account: str

    def table(self, thing: str) -> str:
        """A table's name."""
        return f"{self.stack}-{thing}"

    def bucket(self, thing: str, aws_region: str) -> str:
        """A bucket's name; bucket names are global, hence account and region."""
        return f"{self.stack}-{thing}-{self.account}-{aws_region}"

    def data_key(self) -> str:
        """The alias of the KMS key that wraps data keys and encrypts the buckets."""
        return f"alias/{self.stack}-data"


@dataclass(frozen=True, slots=True)
class Host:
    """One region's stores for customer content."""

    region: str
    aws_region: str
    content: Table
    keyring: Keyring
    s3: Any
    content_bucket: str
    transfer_bucket: str
    backup_bucket: str
    recordings_bucket: str


def hosts(names: Names, policy: Policy, clients: Callable[[str, str], Any] = client) -> Callable[[str], Host]:
    """The way from a Cloud Region's name to its host; each is built once in a container, when first asked for."""
    built: dict[str, Host] = {}

    def peers(region: str) -> Callable[[], list[Keyring]]:
        return lambda: [host(other).keyring for other in policy.regions if other != region]

    def host(region: str) -> Host:
        if region not in built:
            aws_region = policy.regions[region].aws
            dynamodb = clients("dynamodb", aws_region)
            keys = Keys(Table(dynamodb, names.table("keys")))
            built[region] = Host(
                region=region,
                aws_region=aws_region,
                content=Table(dynamodb, names.table("content")),
                keyring=Keyring(clients("kms", aws_region), keys, names.data_key(), peers(region)),
                s3=clients("s3", aws_region),
                content_bucket=names.bucket("content", aws_region),
                transfer_bucket=names.bucket("transfer", aws_region),
                backup_bucket=names.bucket("backup", aws_region),
                recordings_bucket=names.bucket("recordings", aws_region),
            )
        return built[region]

    return host
