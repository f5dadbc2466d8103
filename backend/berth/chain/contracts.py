"""A contract at an address: typed call data, and reads with reverts in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from berth.chain.abi import Abi, load_abi
from berth.chain.reverts import translate
from berth.chain.rpc import Rpc, RpcError
from berth.core.deployment import Deployment


@dataclass(frozen=True)
class Contract:
    """`market.calldata("lease", {...})`, `await market.read(rpc, "creditOf", account)`."""

    abi: Abi
    address: str

    def calldata(self, name: str, *args: Any) -> bytes:
        """Data of a call or transaction."""
        return self.abi.encode_call(name, *args)

    async def read(
        self,
        rpc: Rpc,
        name: str,
        *args: Any,
        sender: str | None = None,
        block: int | str = "latest",
    ) -> Any:
        """The result of a view, or of a dry run from `sender`. Raises ChainRevertError."""
        entry = self.abi.function(name)
        try:
            data = await rpc.eth_call(self.address, entry.encode(*args), sender=sender, block=block)
        except RpcError as error:
            raise translate(error) from error
        return entry.decode_result(data)


@dataclass(frozen=True)
class Contracts:
    """The contracts of one deployment."""

    titles: Contract
    market: Contract
    forwarder: Contract
    timelock: Contract
    asset: Contract

    @classmethod
    def of(cls, deployment: Deployment) -> Contracts:
        return cls(
            titles=Contract(load_abi("TitleRegistry"), deployment.titles),
            market=Contract(load_abi("ParkingMarket"), deployment.market),
            forwarder=Contract(load_abi("BerthForwarder"), deployment.forwarder),
            timelock=Contract(load_abi("BerthTimelock"), deployment.timelock),
            asset=Contract(load_abi("TestToken"), deployment.asset),
        )
