"""The deployment file: which contracts on which chain this installation works with."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from berth.core.addresses import ZERO, checksum, parse_address
from berth.core.checks import hex_octets, integer, unsigned
from berth.core.errors import BerthError
from berth.core.messages import Domain
from berth.core.money import Currency

_KEYS = {
    "chainId", "genesisHash", "block", "titles", "market", "forwarder", "timelock", "asset",
    "assetSymbol", "assetDecimals", "feeBps", "attesters",
}  # fmt: skip
_CONTRACTS = ("titles", "market", "forwarder", "timelock", "asset")
# A deployment made before there was a lens has none; the extension the market names itself.
_OPTIONAL = ("lens", "extension")
_HASHES = "codeHashes"


@dataclass(frozen=True)
class Deployment:
    """One deployment of the contracts. Addresses are lower-case text; `code_hashes` are Keccak of
    the code that was deployed, by the contract's name here, where the deployer looked."""

    chain_id: int
    genesis_hash: str
    block: int
    titles: str
    market: str
    forwarder: str
    timelock: str
    asset: str
    asset_symbol: str
    asset_decimals: int
    fee_bps: int
    attesters: dict[int, str] = field(default_factory=dict)
    lens: str | None = None
    extension: str | None = None  # serves the market's rarer verbs; never called by itself
    code_hashes: dict[str, str] = field(default_factory=dict)

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of its market."""
        return Domain(self.chain_id, self.market)

    @property
    def currency(self) -> Currency:
        return Currency(self.asset_symbol, self.asset_decimals)


def parse_deployment(document: object) -> Deployment:
    """A deployment from its JSON object. Raises BerthError naming the first member at fault."""
    if not isinstance(document, dict):
        raise BerthError("deployment.invalid", "must be a JSON object", field="deployment")
    missing = sorted(_KEYS - set(document))
    if missing:
        raise BerthError("deployment.missing", "is missing", field=missing[0])
    unknown = sorted(set(document) - _KEYS - {*_OPTIONAL, _HASHES})
    if unknown:
        raise BerthError("deployment.unknown", "is not a member of a deployment", field=unknown[0])
    contracts = {
        name: _contract(document[name], name)
        for name in (*_CONTRACTS, *_OPTIONAL)
        if name in document
    }
    if len(set(contracts.values())) != len(contracts):
        raise BerthError("deployment.invalid", "two contracts share an address", field="market")
    return Deployment(
        chain_id=integer(document["chainId"], "chainId", 1, (1 << 53) - 1),
        genesis_hash="0x" + hex_octets(document["genesisHash"], "genesisHash", 32).hex(),
        block=unsigned(document["block"], "block", 53),
        **contracts,
        asset_symbol=_symbol(document["assetSymbol"]),
        asset_decimals=integer(document["assetDecimals"], "assetDecimals", 0, 36),
        fee_bps=integer(document["feeBps"], "feeBps", 0, 1000),
        attesters=_attesters(document["attesters"]),
        code_hashes=_code_hashes(document.get(_HASHES, {})),
    )


def load_deployment(path: str | Path) -> Deployment:
    """Read and validate a deployment file."""
    try:
        text = Path(path).read_text("utf-8")
    except FileNotFoundError as error:
        raise BerthError(
            "deployment.absent",
            f"there is no deployment file {path}; run `berth deploy` or `berth up`",
            field="deployment",
            exit_code=2,
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BerthError(
            "deployment.unreadable", f"cannot read {path}", field="deployment"
        ) from error
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BerthError(
            "deployment.invalid", f"{path} is not JSON: {error}", field="deployment"
        ) from error
    return parse_deployment(document)


def deployment_json(deployment: Deployment) -> dict[str, Any]:
    """The JSON object of a deployment, addresses checksummed."""
    return {
        "chainId": deployment.chain_id,
        "genesisHash": deployment.genesis_hash,
        "block": deployment.block,
        **{
            name: checksum(getattr(deployment, name))
            for name in (*_CONTRACTS, *_OPTIONAL)
            if getattr(deployment, name) is not None
        },
        "assetSymbol": deployment.asset_symbol,
        "assetDecimals": deployment.asset_decimals,
        "feeBps": deployment.fee_bps,
        "attesters": {
            str(number): checksum(account)
            for number, account in sorted(deployment.attesters.items())
        },
        **({_HASHES: dict(deployment.code_hashes)} if deployment.code_hashes else {}),
    }


def save_deployment(deployment: Deployment, path: str | Path) -> None:
    """Write the file whole or not at all: through a neighbour and a rename."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{os.getpid()}.new")
    draft.write_text(json.dumps(deployment_json(deployment), indent=2) + "\n", "utf-8")
    draft.replace(target)


def _contract(value: object, name: str) -> str:
    address = parse_address(value, name)
    if address == ZERO:
        raise BerthError("deployment.invalid", "must not be the zero address", field=name)
    return address


def _symbol(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 32:
        raise BerthError("deployment.invalid", "must have 1 to 32 characters", field="assetSymbol")
    return value


def _attesters(value: object) -> dict[int, str]:
    if not isinstance(value, dict):
        raise BerthError("deployment.invalid", "must be an object", field="attesters")
    attesters: dict[int, str] = {}
    for number, account in value.items():
        where = f"attesters.{number}"
        if not isinstance(number, str) or not number.isascii() or not number.isdigit():
            raise BerthError("deployment.invalid", "must be numbered 1 to 127", field=where)
        attesters[integer(int(number), where, 1, 127)] = _contract(account, where)
    return attesters


def _code_hashes(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BerthError("deployment.invalid", "must be an object", field=_HASHES)
    hashes: dict[str, str] = {}
    for name, digest in value.items():
        where = f"{_HASHES}.{name}"
        if name not in (*_CONTRACTS, *_OPTIONAL):
            raise BerthError("deployment.unknown", "is no contract of a deployment", field=where)
        hashes[name] = "0x" + hex_octets(digest, where, 32).hex()
    return hashes
