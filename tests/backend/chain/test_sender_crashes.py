"""A sender killed at every step, and several processes with one key: a deed is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.core.errors import BerthError
from berth.store import Store
from berth.store.kept import sent_transactions
from berth.store.transactions import TransactionJournal

from tests.backend.chain.pool import KEY, TO, Pool, sender
from tests.backend.databases import Databases


class KilledError(BaseException):
    """The process ends here: nothing after it happens, no handler runs."""


class Steps:
    """Counts every question to the node and every write to the record; the process is killed
    before, or just after, the one with the number `last`."""

    def __init__(self, last: int, *, after: bool) -> None:
        self.count = 0
        self._last = last
        self._after = after

    def before(self) -> None:
        self.count += 1
        if self.count >= self._last and not (self._after and self.count == self._last):
            raise KilledError

    def after(self) -> None:
        if self.count >= self._last:
            raise KilledError


class Watched:
    """Something whose methods are steps."""

    def __init__(self, inner: Any, steps: Steps) -> None:
        self._inner = inner
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found
        return self._async(found) if asyncio.iscoroutinefunction(found) else self._plain(found)

    def _async(self, work: Callable[..., Any]) -> Callable[..., Any]:
        async def run(*args: Any, **kwargs: Any) -> Any:
            self._steps.before()
            result = await work(*args, **kwargs)
            self._steps.after()
            return result

        return run

    def _plain(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            self._steps.before()
            result = work(*args, **kwargs)
            self._steps.after()
            return result

        return run


@pytest.fixture
def store(databases: Databases) -> Store:
    return databases.open()


def doomed(pool: Pool, store: Store, steps: Steps) -> Sender:
    journal = Watched(TransactionJournal(store), steps)
    return Sender(cast("Rpc", Watched(pool, steps)), journal, KEY, 1337, poll=0.001)  # type: ignore[arg-type]


async def _deed(one: Sender, pool: Pool) -> None:
    await one.send("deed", TO, b"\x01")
    pool.mine()
    await one.wait("deed", within=5)


async def _dearer(one: Sender, pool: Pool) -> None:
    await one.send("deed", TO, b"\x01")
    pool.base_fee = 1000
    await one.resume()
    pool.mine()
    await one.wait("deed", within=5)


async def _reorged(one: Sender, pool: Pool) -> None:
    await _deed(one, pool)
    pool.mined.clear()
    pool.heights.clear()
    pool.blocks.clear()
    await one.resume()


@pytest.mark.parametrize("story", [_deed, _dearer, _reorged])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_at_any_step_the_deed_is_done_once(
    store: Store, story: Callable[..., Any], after: bool
) -> None:
    ends = 0
    for step in range(1, 60):
        pool = Pool()
        with store.write() as conn:
            conn.execute(sent_transactions.delete())
        steps = Steps(step, after=after)
        try:
            await story(doomed(pool, store, steps), pool)
            ended = True
        except KilledError:
            ended = False
        again = sender(pool, store)
        await again.resume()
        await again.send("deed", TO, b"\x01")
        pool.mine()
        await again.wait("deed", within=5)
        await again.send("next", TO, b"\x02")
        pool.mine()
        assert pool.deeds() == [b"\x01", b"\x02"], f"killed at step {step}"
        assert not pool.pool
        ends += ended
        if ended:
            break
    assert ends == 1, "the story has more steps than were tried"
    assert step > 5


async def test_two_processes_with_one_key_never_share_a_nonce_nor_leave_a_gap(
    databases: Databases,
) -> None:
    url = databases.url()
    pool = Pool()
    stores = [databases.again(url) for _ in range(3)]
    senders = [sender(pool, store) for store in stores]
    await asyncio.gather(*(senders[n % 3].send(f"deed {n}", TO, bytes([n])) for n in range(30)))
    for one in senders:
        await one.resume()
    pool.mine()
    assert sorted(pool.deeds()) == [bytes([n]) for n in range(30)]


async def test_two_processes_that_send_the_same_deed_send_it_once(databases: Databases) -> None:
    url = databases.url()
    pool = Pool()
    senders = [sender(pool, databases.again(url)) for _ in range(4)]
    hashes = await asyncio.gather(*(one.send("deed", TO, b"\x01") for one in senders * 5))
    assert len(set(hashes)) == 1
    pool.mine()
    await asyncio.gather(*(one.wait("deed") for one in senders))
    assert pool.deeds() == [b"\x01"]


async def test_a_process_that_died_before_it_sent_does_not_hold_up_the_others(
    databases: Databases,
) -> None:
    url = databases.url()
    pool = Pool()
    first, second = databases.again(url), databases.again(url)
    steps = Steps(1 << 30, after=False)
    dying = doomed(pool, first, steps)
    await dying.resume()

    async def killed(*_: Any, **__: Any) -> None:
        raise KilledError

    dying._broadcast = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(KilledError):
        await dying.send("lost", TO, b"\x01")
    other = sender(pool, second)
    await other.send("deed", TO, b"\x02")
    pool.mine()
    await other.wait("deed", within=5)
    assert pool.deeds() == [b"\x01", b"\x02"]


async def test_a_spend_cap_holds_for_all_processes_of_a_key_together(databases: Databases) -> None:
    url = databases.url()
    pool = Pool()
    cap = 21_000 * 125 // 100 * 15 * 3
    senders = [sender(pool, databases.again(url), spend_a_day=cap) for _ in range(3)]
    tried = await asyncio.gather(
        *(one.send(f"deed {n}", TO, bytes([n])) for n, one in enumerate(senders * 4)),
        return_exceptions=True,
    )
    refused = [one for one in tried if isinstance(one, BerthError)]
    assert {one.code for one in refused} == {"chain.spend_cap"}
    assert len(tried) - len(refused) == 3 == len(pool.pool)


async def test_a_node_that_counted_falsely_does_not_have_the_purse_emptied_into_gaps(
    store: Store,
) -> None:
    class Lying(Pool):
        ahead = 1 << 40

        async def typed(self, kind: type, method: str, *params: Any) -> str:
            said = await super().typed(kind, method, *params)
            if method == "eth_getTransactionCount" and params[1] == "pending":
                return hex(int(said, 16) + self.ahead)
            return said

    pool = Lying()
    await sender(pool, store).send("deed", TO, b"\x01")
    pool.ahead = 0  # another node, an honest one
    one = sender(pool, store)
    await one.resume()
    assert sorted(pool.pool) == [1 << 40]  # nothing was signed to fill what lies before it
    await one.send("other", TO, b"\x02")
    pool.mine()
    await one.wait("other")
    assert pool.deeds() == [b"\x02"]
