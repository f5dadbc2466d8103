"""The operator brings an account's call to the real contracts: what forwarder and market make of
requests that are good, used, stolen, or about money."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from berth.chain.contracts import Contracts
from berth.chain.deployer import run_deploy
from berth.chain.local import LocalChain, LocalChainOptions
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.core.clock import ChainClock
from berth.core.deployment import Deployment
from berth.core.settings import load_settings
from berth.core.signing import sign_digest
from berth.market.following import Following
from berth.market.forwarding import ForwardRequest
from berth.market.intents import dry_run
from berth.market.sponsoring import Sponsor
from berth.store import Store, open_store
from berth.store.transactions import TransactionJournal

from tests.backend.worlds import DINO, EVE, Person

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


class Town:
    """A market, and an operator who pays. Nobody else has any ether."""

    def __init__(self, chain: LocalChain, rpc: Rpc, store: Store, deployment: Deployment) -> None:
        self.rpc = rpc
        self.deployment = deployment
        self.contracts = Contracts.of(deployment)
        self.sender = Sender(rpc, TransactionJournal(store), chain.key(4), 1337, poll=0.02)
        self.sponsor = Sponsor(store, rpc, deployment, self.sender, ChainClock())
        self.following = Following(store, rpc, self.contracts, lambda _deposit: 1)

    async def request(self, data: bytes, who: Person = DINO) -> ForwardRequest:
        to = self.contracts.market.address
        gas, refused = await dry_run(self.rpc, who.address, to, data)
        assert refused is None
        assert gas is not None
        made = await self.sponsor.offer(who.address, to, data, gas)
        assert made is not None
        return made

    def sign(self, request: ForwardRequest, who: Person = DINO) -> bytes:
        digest = request.message(self.deployment).digest
        return sign_digest(digest, who.key)

    async def bring(self, request: ForwardRequest, signature: bytes) -> None:
        """By anybody, past the operator's own checks."""
        forwarder = self.contracts.forwarder
        data = request.calldata(forwarder, signature)
        await self.sender.transact(f"by hand:{data[-40:].hex()}", forwarder.address, data)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    store = open_store(str(tmp_path / "berth.sqlite"))
    chain = await LocalChain.start(LocalChainOptions(tmp_path / "chain", port=0, block_time=0))
    try:
        settings = load_settings({"BERTH_HOME": str(tmp_path)})
        deployment = await run_deploy(settings, {}, tmp_path / "deployment.json", rpc_url=chain.url)
        async with Rpc(chain.url) as rpc:
            yield Town(chain, rpc, store, deployment)
    finally:
        await chain.stop()
        store.close()


async def test_the_contracts_do_what_was_signed_once_and_no_money_leaves(town: Town) -> None:
    market = town.contracts.market
    request = await town.request(market.calldata("setAutoPayout", True))
    signature = town.sign(request)
    identity = await town.sponsor.bring(request, signature)
    assert await market.read(town.rpc, "autoPayoutOf", DINO.address)
    assert not await market.read(town.rpc, "autoPayoutOf", town.sender.address)
    assert await town.sponsor.bring(request, signature) == identity
    state = await town.following.look(identity, DINO.address)
    assert (state.state, state.refusal) == ("mined", None)  # the index has read nothing yet

    # used, stolen, changed, late: the forwarder itself refuses
    taken = await town.request(market.calldata("setAutoPayout", False))
    late = replace(taken, deadline=1)
    for given, by in (
        (request, signature),
        (taken, town.sign(taken, EVE)),
        (replace(taken, account=EVE.address), town.sign(taken)),
        (replace(taken, gas=taken.gas + 1), town.sign(taken)),
        (late, town.sign(late)),
    ):
        with pytest.raises(ChainRevertError) as caught:
            await town.bring(given, by)
        assert caught.value.name.startswith("ERC2771Forwarder")

    # money: the market sees the forwarder, which has none
    out = replace(taken, data=market.calldata("withdraw", EVE.address, 1))
    with pytest.raises(ChainRevertError):
        await town.bring(out, town.sign(out))
    assert await market.read(town.rpc, "autoPayoutOf", DINO.address)
    await town.sponsor.bring(taken, town.sign(taken))
    assert not await market.read(town.rpc, "autoPayoutOf", DINO.address)
