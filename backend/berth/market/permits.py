"""Allowances by signature (ERC-2612): what an account signs so that the market may take an amount
in the same transaction that needs it."""

from __future__ import annotations

from eth_abi.abi import decode, encode

from berth.chain.abi import UNREADABLE
from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import Rpc, RpcError
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.messages import Domain, TypedMessage, permit

#: How long a permit is good, seconds: people read before they sign.
PERMIT_SECONDS = 1800
_DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_VERSION = keccak(b"version()")[:4]
#: Of tokens that do not say theirs.
_USUAL_VERSIONS = ("1", "2")
_NO_ANSWER = ("chain.empty", "chain.decode")
#: An EIP-7702 delegation: code at an account that still has its key.
_DELEGATED = bytes.fromhex("ef0100")


class Permits:
    """Of one market's token. What the token says of itself is asked once."""

    def __init__(self, rpc: Rpc, contracts: Contracts, chain_id: int) -> None:
        self._rpc = rpc
        self._asset = contracts.asset
        self._market = contracts.market.address
        self._chain_id = chain_id
        self._domain: Domain | None = None
        self._none = False

    async def prepare(self, owner: str, value: int, now: int) -> TypedMessage | None:
        """What `owner` signs to let the market take `value` minor units, for a while from `now`
        (Unix seconds); None where the token knows no permits, or the account has no key."""
        domain = await self._token_domain()
        if domain is None or not await has_key(self._rpc, owner):
            return None
        nonce = int(await self._asset.read(self._rpc, "nonces", owner))
        return permit(domain, owner, self._market, value, nonce, now + PERMIT_SECONDS)

    async def _token_domain(self) -> Domain | None:
        if self._domain is None and not self._none:
            try:
                self._domain = await self._find()
            except RpcError:
                return None  # the node's trouble, not the token's word: asked again next time
            self._none = self._domain is None
        return self._domain

    async def _find(self) -> Domain | None:
        """The domain whose separator the token itself names: a permit under any other is worthless,
        and the wallet would have been asked for nothing."""
        try:
            wanted = bytes(await self._asset.read(self._rpc, "DOMAIN_SEPARATOR"))
            name = str(await self._asset.read(self._rpc, "name"))
        except BerthError as error:
            if isinstance(error, ChainRevertError) or error.code in _NO_ANSWER:
                return None
            raise
        for version in (await self._told_version(), *_USUAL_VERSIONS):
            if version is None:
                continue
            domain = Domain(self._chain_id, self._asset.address, name, version)
            if _separator(domain) == wanted:
                return domain
        return None

    async def _told_version(self) -> str | None:
        try:
            (version,) = decode(
                ("string",), await self._rpc.eth_call(self._asset.address, _VERSION)
            )
        except (*UNREADABLE, RpcError):
            return None
        return str(version)


async def has_key(rpc: Rpc, account: str) -> bool:
    """Does a private key speak for the account? Contracts that check signatures by `ecrecover` take
    no others'."""
    code = await rpc.code(account)
    return not code or code.startswith(_DELEGATED)


def _separator(domain: Domain) -> bytes:
    return keccak(
        encode(
            ("bytes32", "bytes32", "bytes32", "uint256", "address"),
            (
                _DOMAIN_TYPE,
                keccak(domain.name.encode()),
                keccak(domain.version.encode()),
                domain.chain_id,
                domain.market,
            ),
        )
    )
