"""The nodes, and whether their chain is the one of the deployment file."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from berth.chain.contracts import Contracts
from berth.chain.identity import verify_chain
from berth.chain.rpc import Rpc, RpcError
from berth.cli.doctor.finding import Case, Finding, ok, trouble, unchecked, warning
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.hashing import keccak

#: A newest block older than this is a node that stands still, seconds.
SILENT_SECONDS = 120
#: A newest block so far in the future is a clock that is wrong, seconds.
FUTURE_SECONDS = 15
#: Blocks that a node may be behind another one.
LAG_BLOCKS = 5
#: Chains that travel in time: their blocks say nothing of the machine's clock.
LOCAL_CHAINS = frozenset({1337, 31337})
_DO = {
    "chain.unreachable": "start the node, or check BERTH_RPC_URL",
    "chain.id": "name a node of the deployment's chain in BERTH_RPC_URL",
    "chain.genesis": "name a node of the deployment's chain in BERTH_RPC_URL",
    "chain.no_market": "wait until the node has caught up, or name another one",
}


async def examine(case: Case) -> list[Finding]:
    """Every node by itself, then all against each other."""
    if case.deployment is None:
        return [unchecked("node", "there is no deployment")]
    urls = case.settings.rpc_urls
    looks = await asyncio.gather(*(_node(url, case.deployment, case.answer) for url in urls))
    findings = [finding for part, _head in looks for finding in part]
    heads = [head for _part, head in looks if head is not None]
    for url, (_part, head) in zip(urls, looks, strict=True):
        if head is not None and max(heads) - head > LAG_BLOCKS:
            says = f"{_where(url)} is at block {head}, another node at {max(heads)}"
            findings.append(warning("node.behind", says, "wait, or look at the node's peers"))
    return findings


async def _node(
    url: str, deployment: Deployment, answer: float
) -> tuple[list[Finding], int | None]:
    where = _where(url)
    async with Rpc(url, timeout=answer, retries=0) as rpc:
        try:
            async with asyncio.timeout(2 * answer):
                await verify_chain(rpc, deployment)
                head = await rpc.block("latest")
        except TimeoutError:
            says = f"{where} does not answer within {2 * answer:g} s"
            return [trouble("node", says, "restart the node, or name another one")], None
        except BerthError as error:
            return [trouble("node", str(error), _DO.get(error.code, "look at the node"))], None
        if head is None:
            says = f"{where} has no block"
            return [trouble("node", says, "wait until the node has caught up")], None
        found = [ok("node", f"{where} is at block {head.number}", head=head.number)]
        found += _clock(where, head.timestamp, deployment)
        found += await _history(rpc, deployment)
        found += await _code(rpc, deployment)
    return found, head.number


def _clock(where: str, timestamp: int, deployment: Deployment) -> list[Finding]:
    if deployment.chain_id in LOCAL_CHAINS:
        return [ok("node.time", "a local chain may travel in time: its clock is not compared")]
    age = int(time.time()) - timestamp
    if age > SILENT_SECONDS:
        says = f"the newest block of {where} is {age} s old"
        return [trouble("node.time", says, "the node or its chain stands still: look at its peers")]
    if age < -FUTURE_SECONDS:
        says = f"the newest block of {where} is {-age} s in the future"
        return [trouble("node.time", says, "set this machine's clock (NTP)")]
    return [ok("node.time", f"the newest block of {where} is {max(age, 0)} s old")]


async def _history(rpc: Rpc, deployment: Deployment) -> list[Finding]:
    """An index that begins anew needs the logs since the deployment."""
    do = "an index cannot begin anew here: name a node that keeps all logs"
    try:
        first = await rpc.block(deployment.block)
        logs = await rpc.logs(
            deployment.block, deployment.block, [deployment.market, deployment.titles]
        )
        receipts = first is not None
    except RpcError as error:
        says = f"{rpc.where} lacks the logs of block {deployment.block}: {error.text}"
        return [warning("node.history", says, do)]
    if not receipts:
        says = f"{rpc.where} lacks block {deployment.block}, the first of the deployment"
        return [warning("node.history", says, do)]
    return [ok("node.history", f"{rpc.where} has the deployment's first block", logs=len(logs))]


async def _code(rpc: Rpc, deployment: Deployment) -> list[Finding]:
    """Code at every address, the market wired to the rest, and its hash where one is on file."""
    addresses = {
        name: address
        for name in ("titles", "market", "forwarder", "timelock", "asset", "lens", "extension")
        if (address := getattr(deployment, name)) is not None
    }
    codes = {name: await rpc.code(address) for name, address in addresses.items()}
    findings = []
    for name, code in codes.items():
        if not code:
            says = f"there is no code at {addresses[name]}, the deployment's {name}"
            findings.append(trouble("contracts", says, "is the deployment file of this chain?"))
    if findings:
        return findings
    hashes = {name: "0x" + keccak(code).hex() for name, code in codes.items()}
    for name, expected in deployment.code_hashes.items():
        if hashes.get(name, expected) != expected:
            says = f"the code of {name} is another one than was deployed: {hashes[name]}"
            do = "trust nothing until you know why: docs/security.md, “Checking a deployment”"
            findings.append(trouble("contracts", says, do))
    market = Contracts.of(deployment).market
    wired = {
        "asset": deployment.asset,
        "titles": deployment.titles,
        "trustedForwarder": deployment.forwarder,
        **({"extension": deployment.extension} if deployment.extension else {}),
    }
    for getter, expected in wired.items():
        found = str(await market.read(rpc, getter)).lower()
        if found != expected:
            says = f"the market's {getter} is {found}, in the deployment file {expected}"
            findings.append(trouble("contracts", says, "take the deployment file from who made it"))
    if findings:
        return findings
    known = "as deployed" if deployment.code_hashes else "no hashes are on file to compare"
    return [ok("contracts", f"code at all {len(codes)} addresses, {known}", **hashes)]


def _where(url: str) -> str:
    """Scheme, host and port: the rest may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
