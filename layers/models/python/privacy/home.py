"""The home region as functions find it: from here each takes the tables, secrets and queues that its role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from privacy import policy
from privacy.aws import client
from privacy.hosting import Host, Names, hosts
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.tables.store import Operation, Table, transact
from privacy.vault.addresses import AddressSeal
from privacy.vault.secrets import secret
from privacy.vault.signing import Signer
from privacy.vault.tokens import Links, Pseudonyms

Clients = Callable[[str, str], Any]
"""The client of a service in an AWS region."""


@dataclass(frozen=True, slots=True)
class Home:
    """The deployment's stores, by the names that the template gives them; nothing is asked of AWS until it is used."""

    settings: Deployment
    clients: Clients = client

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return policy.load()

    @property
    def names(self) -> Names:
        """The physical names."""
        return Names(self.settings.stack, self.settings.account)

    def client(self, service: str) -> Any:
        """The client of a service in this region."""
        return self.clients(service, self.settings.home_region)

    def table(self, thing: str) -> Table:
        """A table."""
        return Table(self.client("dynamodb"), self.names.table(thing))

    def transact(self, operations: Sequence[Operation]) -> None:
        """Write to several tables, all or nothing. Raises: TransactionRefusedError, StoreBusyError."""
        transact(self.client("dynamodb"), operations)

    def secret(self, thing: str) -> bytes:
        """A secret as it is now: ask for it when it is needed, so that it can be rotated."""
        return secret(self.client("secretsmanager"), f"{self.settings.stack}/{thing}")

    def pseudonyms(self) -> Pseudonyms:
        """What turns an account into the owner of its databases."""
        return Pseudonyms(self.secret("pseudonyms"))

    def links(self) -> Links:
        """What derives the tokens of links in mails."""
        return Links(self.secret("links"))

    def addresses(self) -> AddressSeal:
        """What seals the addresses of sign-ins."""
        return AddressSeal(self.client("kms"), f"alias/{self.settings.stack}-addresses")

    def signer(self, thing: str) -> Signer:
        """What signs `certificates`, or the `audit` trail: each with a key of its own."""
        return Signer(self.client("kms"), f"alias/{self.settings.stack}-{thing}")

    def hosts(self) -> Callable[[str], Host]:
        """The way from a Cloud Region's name to what lies there."""
        return hosts(self.names, self.policy, self.clients)

    def queues(self) -> Queues:
        """The queues of every region."""
        return Queues(self.settings.stack, self.settings.account, self.clients)
