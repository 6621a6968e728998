"""The data key of a database: in both regions, of one root, and gone from both for good."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from privacy import policy
from privacy.hosting import Host, hosts
from privacy.models.ids import new_id
from privacy.tables.keys import KeyState
from privacy.tables.store import TransactionRefusedError, transact
from privacy.vault.keys import CACHE_SECONDS, KeyBrokenError, KeyClosedError, KeyDestroyedError, Keyring
from tests.unit.engine import NAMES, NOON, everything
from tests.unit.interference import KilledError, killed_at, recorded

pytestmark = pytest.mark.usefixtures("stores")

DATABASE = new_id("db")
MADE_BY = 6
"""Calls that make a key in two regions, at most."""


def fresh(region: str) -> Host:
    """The host as another container sees it: nothing is cached."""
    return hosts(NAMES, policy.load())(region)


def ring(region: str) -> Keyring:
    return fresh(region).keyring


def same_root() -> bool:
    sealed = ring("americas").key(DATABASE).seal(b"content", "r#a#b")
    return ring("asia").key(DATABASE).unseal(sealed, "r#a#b") == b"content"


@pytest.mark.promise("databases.backups")
def test_a_key_is_in_both_regions_of_one_root_and_takes_writes_in_one() -> None:
    ring("americas").create(DATABASE, NOON)
    assert same_root()
    ring("americas").writing_key(DATABASE)
    with pytest.raises(KeyClosedError):
        ring("asia").writing_key(DATABASE)
    wrapped = {region: ring(region).keys.get(DATABASE) for region in ("asia", "americas")}
    assert wrapped["asia"] is not None
    assert wrapped["americas"] is not None
    assert wrapped["asia"].wrapped != wrapped["americas"].wrapped  # each under the key of its own region


@pytest.mark.promise("databases.backups")
@pytest.mark.parametrize("death", range(MADE_BY + 1))
def test_making_a_key_may_die_at_any_call_and_is_completed_by_repetition(death: int) -> None:
    with killed_at(death) as made:
        try:
            ring("americas").create(DATABASE, NOON)
        except KilledError:
            pass
        else:
            assert death >= len(made)
    ring("americas").create(DATABASE, NOON)
    assert same_root()


@pytest.mark.promise("databases.backups")
def test_a_key_that_one_region_lost_is_completed_from_the_other() -> None:
    ring("asia").create(DATABASE, NOON)
    ring("americas").keys.table.delete({"database_id": DATABASE})
    ring("asia").replicate(DATABASE, NOON)
    assert same_root()


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("gone", ["asia", "americas"])
def test_a_key_that_is_destroyed_in_one_region_is_never_completed_there_again(gone: str) -> None:
    ring("asia").create(DATABASE, NOON)
    ring(gone).destroy(DATABASE, NOON)
    for work in (ring("asia").create, ring("asia").replicate):
        with pytest.raises(KeyDestroyedError):
            work(DATABASE, NOON)
    with pytest.raises(KeyDestroyedError):
        ring(gone).key(DATABASE)


@pytest.mark.promise("databases.destroyed")
def test_a_destroyed_key_keeps_the_time_of_its_first_end_and_opens_nothing_any_more() -> None:
    ring("asia").create(DATABASE, NOON)
    destroyed = [ring("asia").destroy(DATABASE, NOON + timedelta(hours=hours)) for hours in (1, 2)]
    assert destroyed == [NOON + timedelta(hours=1)] * 2
    for work in (ring("asia").open, ring("asia").close, ring("asia").key, ring("asia").writing_key):
        with pytest.raises(KeyDestroyedError):
            work(DATABASE)


@pytest.mark.promise("databases.destroyed")
def test_an_id_that_was_never_seen_is_fenced_for_good() -> None:
    assert ring("asia").destroy(DATABASE, NOON) == NOON
    with pytest.raises(KeyDestroyedError):
        ring("asia").create(DATABASE, NOON)


@pytest.mark.promise("databases.region")
def test_a_closed_region_refuses_the_fence_and_the_batch_and_opens_again() -> None:
    host = fresh("asia")
    host.keyring.create(DATABASE, NOON)
    written = host.content.put_operation({"place": f"{DATABASE}#00", "id": "r#a"})
    host.keyring.close(DATABASE)
    with pytest.raises(TransactionRefusedError):
        transact(host.content.client, [host.keyring.fence(DATABASE), written])
    assert isinstance(host.keyring.refused(DATABASE), KeyClosedError)
    with pytest.raises(KeyClosedError):
        host.keyring.writing_key(DATABASE)
    host.keyring.key(DATABASE, fresh=True)  # reading goes on
    host.keyring.open(DATABASE)
    transact(host.content.client, [host.keyring.fence(DATABASE), written])


@pytest.mark.promise("databases.ownership")
@pytest.mark.parametrize("how", ["of another database", "with a flipped byte"])
def test_a_wrapped_key_that_is_not_the_database_s_own_opens_nothing_and_is_told(how: str) -> None:
    other = new_id("db")
    ring("asia").create(DATABASE, NOON)
    ring("asia").create(other, NOON)
    own, foreign = ring("asia").keys.get(DATABASE), ring("asia").keys.get(other)
    assert own is not None
    assert foreign is not None
    assert own.wrapped is not None
    flipped = own.wrapped[:-1] + bytes([own.wrapped[-1] ^ 1])
    planted = {
        "of another database": foreign.wrapped,
        "with a flipped byte": flipped,
    }
    table = ring("asia").keys.table
    table.put({"database_id": DATABASE, "state": KeyState.OPEN.value, "wrapped": planted[how]})
    for work in (ring("asia").key, ring("asia").writing_key):
        with pytest.raises(KeyBrokenError) as raised:
            work(DATABASE)
        assert DATABASE not in str(raised.value)


@pytest.mark.promise("databases.destroyed")
def test_a_container_holds_an_unwrapped_key_for_a_minute_at_most() -> None:
    now = [0.0]
    tick: Callable[[], float] = lambda: now[0]  # noqa: E731
    made = ring("asia")
    keyring = Keyring(made.kms, made.keys, made.master_key, made.peers, tick)
    keyring.create(DATABASE, NOON)

    def asked() -> Any:
        with recorded() as calls:
            keyring.key(DATABASE)
        return calls["kms.Decrypt"]

    assert asked() == 1
    now[0] = CACHE_SECONDS - 0.001
    assert asked() == 0
    now[0] = CACHE_SECONDS
    assert asked() == 1
    keyring.destroy(DATABASE, NOON)
    with pytest.raises(KeyDestroyedError):
        keyring.key(DATABASE)


@pytest.mark.promise("security.measures")
def test_no_store_holds_an_unwrapped_key() -> None:
    made = ring("asia")
    held: list[bytes] = []

    class Watching:
        def __getattr__(self, name: str) -> Any:
            def call(**arguments: Any) -> Any:
                answer = getattr(made.kms, name)(**arguments)
                held.extend([answer["Plaintext"]] if "Plaintext" in answer else [])
                return answer

            return call

    Keyring(Watching(), made.keys, made.master_key, made.peers).create(DATABASE, NOON)
    assert held
    assert not any(root in everything() for root in held)
