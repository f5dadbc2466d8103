"""Several nodes as one: which is used, which gives way, which comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from berth.chain import node_health
from berth.chain.nodes import Nodes
from berth.chain.rpc import NodeUnreachableError, RpcError
from berth.core.errors import BerthError
from fake_http import Host, Net
from fake_node import FakeNode


def chain(blocks: int = 20) -> FakeNode:
    node = FakeNode(1)
    node.mine(blocks)
    return node


def two() -> Net:
    node = chain()
    return Net(first=Host(node), second=Host(node))


def nodes(net: Net, **options: Any) -> Nodes:
    """Looks at all nodes are the test's own."""
    given = {"deployment": net.deployment, "backoff": 0.0, "probe": 0.0} | options
    return Nodes(net.urls, transport=net, **given)


def states(those: Nodes) -> list[str]:
    return [report.state for report in those.report()]


def used(those: Nodes) -> str:
    return next(report.where for report in those.report() if report.used)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass for everything that reads the monotonic clock."""
    import time

    real, passed = time.monotonic, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: real() + passed)

    def wait(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    return wait


async def test_the_first_node_is_asked_once_it_has_shown_to_be_ours() -> None:
    net = two()
    async with nodes(net) as those:
        assert [r.state for r in those.report()] == ["not asked yet"] * 2
        newest = await those.block("latest")
        assert newest is not None
        assert newest.number == 22
        assert states(those) == ["well", "not asked yet"]
        first = net.hosts["first"].calls
        assert (first["eth_chainId"], first["eth_getCode"]) == (1, 1)
        assert not net.hosts["second"].calls
        assert those.report()[0].head == 22
        assert "key" not in those.where  # an address may hold one
        assert await those.chain_id() == 1337
        assert len(await those.blocks(range(22))) == 22
        assert first["eth_getCode"] == 1


@pytest.mark.parametrize("fault", ["down", "hung", "limited"])
async def test_the_next_node_answers_when_one_does_not(fault: str) -> None:
    net = two()
    async with nodes(net) as those:
        await those.block("latest")
        setattr(net.hosts["first"], fault, 5.0 if fault == "limited" else True)
        assert await those.chain_id() == 1337
        assert used(those) == "http://second:8545"
        report = those.report()[0]
        assert report.state == ("limits requests" if fault == "limited" else "unreachable")
        assert report.why
        asked = sum(net.hosts["first"].calls.values())
        await those.block("latest")
        assert sum(net.hosts["first"].calls.values()) == asked  # it is left alone


async def test_a_node_of_another_chain_is_named_and_asked_nothing() -> None:
    net = two()
    net.hosts["first"].chain_id = 5
    async with nodes(net) as those:
        await those.block("latest")
        await those.logs(0, 22, [net.deployment.market])
        assert used(those) == "http://second:8545"
        assert states(those) == ["not ours", "well"]
        assert "of chain 5" in str(those.report()[0].why)
        first = net.hosts["first"].calls
        assert first["eth_getLogs"] == 0
        assert first["eth_getBlockByNumber"] == 0


async def test_a_node_with_another_genesis_is_not_used() -> None:
    net, other = two(), FakeNode(2)
    other.chain[0].header = type(other.chain[0].header)(
        "0x" + "77" * 32, "0x" + "00" * 32, "0x0", "0x1"
    )
    net.hosts["first"].node, deployment = other, net.hosts["second"].node.deployment
    async with nodes(net, deployment=deployment) as those:
        await those.block("latest")
        assert states(those) == ["not ours", "well"]
        assert "genesis" in str(those.report()[0].why)


async def test_a_node_without_the_contract_is_not_used_until_it_has_it(
    later: Callable[[float], None],
) -> None:
    net = two()
    net.hosts["first"].lag = 21  # before the deployment
    async with nodes(net) as those:
        await those.block("latest")
        assert states(those) == ["not ours", "well"]
        assert "no contract" in str(those.report()[0].why)
        net.hosts["first"].lag = 0
        await those.probe()
        assert states(those) == ["not ours", "well"]  # looked at now and then only
        later(31)
        await those.probe()
        assert states(those) == ["well", "well"]


async def test_where_no_node_is_ours_the_reason_is_said() -> None:
    net = two()
    net.hosts["first"].chain_id = net.hosts["second"].chain_id = 5
    async with nodes(net) as those:
        with pytest.raises(BerthError) as caught:
            await those.block("latest")
        assert caught.value.code == "chain.id"
        net.hosts["second"].down = True
        with pytest.raises(NodeUnreachableError) as several:
            await those.block("latest")
        assert "of chain 5" in str(several.value)
        assert "http://second:8545: refused" in str(several.value)


async def test_without_a_deployment_all_nodes_are_of_the_first_ones_chain() -> None:
    net = two()
    net.hosts["second"].chain_id = 5
    async with nodes(net, deployment=None) as those:
        await those.block("latest")
        net.hosts["first"].down = True
        with pytest.raises(NodeUnreachableError):
            await those.block("latest")
        assert states(those) == ["unreachable", "not ours"]
        assert net.hosts["second"].calls["eth_getLogs"] == 0


async def test_a_node_that_came_back_as_another_one_is_found_out() -> None:
    net = two()
    async with nodes(net) as those:
        await those.block("latest")
        net.hosts["first"].down = True
        await those.block("latest")
        net.hosts["first"].down, net.hosts["first"].chain_id = False, 5
        await those.probe()
        assert states(those) == ["not ours", "well"]


async def test_a_preferred_node_returns_after_a_while_and_later_after_each_fall(
    later: Callable[[float], None],
) -> None:
    net = two()
    async with nodes(net) as those:
        await those.block("latest")
        for fall in range(3):
            net.hosts["first"].down = True
            await those.block("latest")
            net.hosts["first"].down = False
            await those.probe()
            assert states(those) == ["well", "well"]
            wait = node_health.RETURN_SECONDS * 2**fall
            await those.block("latest")
            assert used(those) == "http://second:8545"
            later(wait - 2)
            await those.block("latest")
            assert used(those) == "http://second:8545"
            later(4)
            await those.block("latest")
            assert used(those) == "http://first:8545"


async def test_a_node_behind_the_others_gives_way_and_returns(
    later: Callable[[float], None],
) -> None:
    net = two()
    async with nodes(net) as those:
        await those.probe()
        net.hosts["first"].lag = 5  # so much is usual
        await those.probe()
        await those.probe()
        assert states(those) == ["well", "well"]
        net.hosts["first"].lag = 6
        await those.probe()
        assert states(those) == ["well", "well"]  # once is chance
        await those.probe()
        assert states(those) == ["behind", "well"]
        newest = await those.block("latest")
        assert newest is not None
        assert newest.number == 22
        assert "at block 16, another node at 22" in str(those.report()[0].why)
        net.hosts["first"].lag = 0
        await those.probe()
        later(60)
        await those.probe()
        await those.block("latest")
        assert used(those) == "http://first:8545"


async def test_a_node_behind_its_own_former_head_is_named_but_used_when_alone(
    later: Callable[[float], None],
) -> None:
    net = Net(only=Host(chain()))
    async with nodes(net) as those:
        await those.probe()
        net.hosts["only"].lag = 10
        await those.probe()
        await those.probe()
        assert states(those) == ["behind"]
        assert "at block 12, it was at 22" in str(those.report()[0].why)
        assert await those.chain_id() == 1337
        later(61)  # the chain is shorter indeed
        net.hosts["only"].node.mine()
        await those.probe()
        assert states(those) == ["well"]


async def test_a_silent_node_gives_way_to_one_that_speaks(later: Callable[[float], None]) -> None:
    moving = chain()
    still = Host(moving)
    net = Net(first=still, second=Host(moving))
    async with nodes(net) as those:
        await those.probe()
        for passed in range(4):
            later(20)
            moving.mine()
            still.lag = passed + 1
            await those.probe()
        assert states(those) == ["silent", "well"]
        assert "no new block" in str(those.report()[0].why)
        await those.block("latest")
        assert used(those) == "http://second:8545"


async def test_where_the_whole_chain_is_silent_the_preferred_node_stays(
    later: Callable[[float], None],
) -> None:
    net = two()
    async with nodes(net) as those:
        await those.probe()
        later(100)
        await those.probe()
        assert states(those) == ["silent", "silent"]
        await those.block("latest")
        assert used(those) == "http://first:8545"


async def test_a_node_that_is_alone_is_judged_by_what_it_says_in_passing(
    later: Callable[[float], None],
) -> None:
    net = Net(only=Host(chain()))
    async with nodes(net) as those:
        await those.block("latest")
        assert states(those) == ["well"]
        later(61)
        await those.block("latest")
        assert states(those) == ["silent"]
        net.hosts["only"].node.mine()
        await those.block("latest")
        assert states(those) == ["well"]
        net.hosts["only"].lag = 9
        await those.block("latest")
        await those.block("latest")
        assert states(those) == ["behind"]
        assert await those.chain_id() == 1337


async def test_missing_history_is_asked_of_another_node() -> None:
    net = two()

    def pruned(method: str, params: list[Any]) -> dict[str, Any] | None:
        if method == "eth_getLogs" and int(params[0]["fromBlock"], 16) < 10:
            return {"error": {"code": 4444, "message": "pruned history unavailable"}}
        return None

    net.hosts["first"].lie = pruned
    async with nodes(net) as those:
        await those.block("latest")
        assert await those.logs(0, 22, [net.deployment.market])
        assert states(those) == ["lacks history", "well"]
        net.hosts["second"].lie = pruned
        with pytest.raises(RpcError, match="pruned history"):
            await those.logs(0, 22, [net.deployment.market])
        assert await those.chain_id() == 1337


async def test_a_refusal_in_the_matter_is_not_asked_again_elsewhere() -> None:
    net = two()
    reverted = {"error": {"code": 3, "message": "execution reverted", "data": "0x12"}}
    net.hosts["first"].lie = lambda method, _: reverted if method == "eth_call" else None
    async with nodes(net) as those:
        with pytest.raises(RpcError) as caught:
            await those.eth_call("0x1", b"")
        assert caught.value.data == b"\x12"
        assert net.hosts["second"].calls["eth_call"] == 0
        assert states(those)[0] != "unreachable"


async def test_what_might_act_twice_is_not_sent_to_a_second_node() -> None:
    net = two()
    async with nodes(net) as those:
        await those.block("latest")
        net.hosts["first"].hung = True
        with pytest.raises(NodeUnreachableError):
            await those.call("eth_sendTransaction", {})
        assert net.hosts["second"].calls["eth_sendTransaction"] == 0


async def test_a_node_that_contradicts_itself_goes_last_for_a_while(
    later: Callable[[float], None],
) -> None:
    net = two()
    async with nodes(net) as those:
        await those.block("latest")
        assert those.distrust("its logs are of blocks that it does not have")
        await those.block("latest")
        assert used(those) == "http://second:8545"
        await those.probe()
        assert states(those) == ["contradicts itself", "well"]
        later(61)
        net.hosts["first"].node.mine()
        await those.probe()
        assert states(those) == ["well", "well"]
    async with nodes(Net(only=Host(chain()))) as alone:
        assert not alone.distrust("no other")
        assert await alone.chain_id() == 1337


async def test_the_node_that_alone_has_another_block_is_set_aside() -> None:
    net = two()
    fork = FakeNode(1)
    fork.chain = list(net.hosts["first"].node.chain)
    fork.cut(8)
    fork.mine(9)
    good = net.hosts["second"].node
    net.hosts["first"].node = fork
    async with nodes(net, deployment=good.deployment) as those:
        await those.block("latest")
        assert not await those.outvote(20, "0x" + "66" * 32)
        assert await those.outvote(20, good.chain[20].header.hash)
        block = await those.block(20)
        assert block is not None
        assert block.hash == good.chain[20].header.hash
        assert states(those) == ["contradicts itself", "well"]


async def test_looks_go_on_by_themselves_and_end_with_the_nodes() -> None:
    net = two()
    those = nodes(net, probe=0.001)
    await those.block("latest")
    net.hosts["first"].down = True
    async with asyncio.timeout(60):
        while states(those) != ["unreachable", "well"]:
            await asyncio.sleep(0.001)
    await those.close()
    asked = net.hosts["second"].calls["eth_getBlockByNumber"]
    await asyncio.sleep(0.01)
    assert net.hosts["second"].calls["eth_getBlockByNumber"] == asked
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "nodes"]


def test_at_least_one_node_is_needed() -> None:
    with pytest.raises(BerthError) as caught:
        Nodes([])
    assert caught.value.code == "chain.url"
