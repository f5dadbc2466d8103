"""Deploy and wire all contracts of one market, and hand them to the timelock.

Run by `berth deploy`, or by hand:

    BERTH_RPC_URL=http://127.0.0.1:8545 BERTH_DEPLOYMENT_OUT=deployment.json \
        scripts/brownie run scripts/deploy.py --network berth

Environment:
    BERTH_DEPLOYMENT_OUT          where to write the deployment (JSON); written last, atomically
    BERTH_DEPLOY_CONFIG           path of a JSON file with any of the keys of DEFAULTS
    BERTH_DEPLOYER_KEYSTORE       V3 keystore of the deployer; may be left out on a local chain,
                                  where the node's first unlocked account deploys
    BERTH_DEPLOYER_PASSWORD_FILE  file with the keystore's password

The contract tests deploy through the same `deploy` function.
"""

import json
import os
import sys
from pathlib import Path

from brownie import (
    BerthForwarder,
    BerthTimelock,
    Contract,
    MarketExtension,
    MarketLens,
    ParkingMarket,
    TestToken,
    TitleRegistry,
    accounts,
    chain,
    web3,
)
from brownie.network import contract as brownie_contract
from brownie.network import state as brownie_state
from eth_account import Account

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from joined_abi import joined  # noqa: E402  (needs the path)

# Brownie's own register of live deployments knows a chain by its id alone, so it takes a new local
# chain for the last one. The deployment file written below is the one that counts.
brownie_contract._add_deployment = lambda contract: None
brownie_contract._DeployedContractBase._save_deployment = lambda contract: None

LOCAL_CHAINS = (1337, 31337)
ROLES = {"holders": 1, "vehicles": 2, "locks": 4}

DEFAULTS = {
    "feeBps": 250,  # of the cost, for later offers
    "timelockDelay": 172_800,  # seconds
    # accounts that may announce to the timelock, and execute what is due; empty = the deployer, on
    # local chains only
    "proposers": [],
    "executors": [],
    "guardian": None,  # account that may pause; none = nobody
    "arbiter": None,  # account that decides disputes; none = nobody, then they end by the evidence
    # id 1..127 -> {"account": address, "roles": ["holders" | "vehicles" | "locks", ...]}
    "attesters": {},
    "authorities": {},  # city number -> address
    "asset": None,  # ERC-20 of the market; none = deploy the test token, local chains only
}


class ConfigError(Exception):
    """A configuration that cannot be deployed; the message names the key."""


def checked(config: dict) -> dict:
    """The configuration with its defaults; what is unknown is refused before anything is sent."""
    unknown = sorted(set(config) - set(DEFAULTS))
    if unknown:
        raise ConfigError(f"unknown keys: {', '.join(unknown)}; known are {', '.join(DEFAULTS)}")
    merged = {**DEFAULTS, **config}
    for number, attester in merged["attesters"].items():
        bad = sorted(set(attester["roles"]) - set(ROLES))
        if bad or not attester["roles"]:
            raise ConfigError(
                f"attesters.{number}.roles: {bad or 'empty'}; known are {', '.join(ROLES)}"
            )
    if merged["asset"] is None and web3.chain_id not in LOCAL_CHAINS:
        raise ConfigError(
            f"asset: chain {web3.chain_id} is not a local chain, so name an ERC-20 there"
        )
    for role in ("proposers", "executors"):
        if not merged[role] and web3.chain_id not in LOCAL_CHAINS:
            raise ConfigError(f"{role}: on chain {web3.chain_id} the deployer must not stand in")
    if merged["timelockDelay"] < 86_400 and web3.chain_id not in LOCAL_CHAINS:
        raise ConfigError(
            f"timelockDelay: {merged['timelockDelay']} s is less than a day, which on chain "
            f"{web3.chain_id} would leave nobody the time to see what is announced"
        )
    return merged


def deploy(deployer, config: dict) -> dict:
    """Deploy, wire, hand over; the deployment, with Brownie's objects under `contracts`."""
    config = checked(config)
    sender = {"from": deployer}

    timelock = BerthTimelock.deploy(
        config["timelockDelay"],
        config["proposers"] or [deployer.address],
        config["executors"] or [deployer.address],
        sender,
    )
    forwarder = BerthForwarder.deploy(sender)
    if config["asset"] is None:
        asset = TestToken.deploy(sender)
    else:
        asset = Contract.from_abi("asset", config["asset"], TestToken.abi)
    titles = TitleRegistry.deploy(deployer, sender)
    market = deploy_market(titles, asset, forwarder, deployer, config, sender)

    titles.setMarket(market, True, sender)
    for city, authority in config["authorities"].items():
        titles.setAuthority(int(city), authority, sender)
    for number, attester in config["attesters"].items():
        roles = sum(ROLES[role] for role in set(attester["roles"]))
        market.setAttester(int(number), attester["account"], roles, sender)

    if config["arbiter"] is not None:
        market.grantRole(market.ARBITER_ROLE(), config["arbiter"], sender)

    for contract in (titles, market):
        admin = contract.DEFAULT_ADMIN_ROLE()
        contract.grantRole(admin, timelock, sender)
        contract.renounceRole(admin, deployer, sender)
        if not contract.hasRole(admin, timelock) or contract.hasRole(admin, deployer):
            raise RuntimeError(f"{contract._name} was not handed over to the timelock")

    # last, because nothing depends on it: it only reads
    lens = MarketLens.deploy(market, sender)

    return {
        "chainId": web3.chain_id,
        "genesisHash": "0x" + bytes(chain[0].hash).hex(),
        "block": timelock.tx.block_number,
        "titles": titles.address,
        "market": market.address,
        "forwarder": forwarder.address,
        "timelock": timelock.address,
        "asset": asset.address,
        "extension": market.extension(),
        "lens": lens.address,
        "assetSymbol": asset.symbol(),
        "assetDecimals": asset.decimals(),
        "feeBps": config["feeBps"],
        "attesters": {
            str(number): web3.to_checksum_address(a["account"])
            for number, a in config["attesters"].items()
        },
        "contracts": {
            "timelock": timelock,
            "forwarder": forwarder,
            "asset": asset,
            "titles": titles,
            "market": market,
            "lens": lens,
        },
    }


def deploy_market(titles, asset, forwarder, admin, config: dict, sender: dict):
    """The two parts of a market, as one contract with the verbs of both."""
    extension = MarketExtension.deploy(titles, asset, forwarder, sender)
    core = ParkingMarket.deploy(
        titles,
        asset,
        forwarder,
        extension,
        admin,
        config["guardian"] or "0x" + "00" * 20,
        config["feeBps"],
        sender,
    )
    abi = joined(ParkingMarket.abi, MarketExtension.abi)
    market = Contract.from_abi("ParkingMarket", core.address, abi)
    # so that Brownie reads transactions with the verbs of both parts, and traces to the source
    market._build = {**core._build, "abi": abi}
    brownie_state._add_contract(market)
    return market


def deployer_account():
    """The deployer: from a keystore, or, on a local chain, the node's first unlocked account."""
    keystore = os.environ.get("BERTH_DEPLOYER_KEYSTORE")
    if keystore:
        password = Path(os.environ["BERTH_DEPLOYER_PASSWORD_FILE"]).read_text().strip()
        return accounts.add(Account.decrypt(json.loads(Path(keystore).read_text()), password))
    if web3.chain_id in LOCAL_CHAINS and web3.eth.accounts:
        return accounts.at(web3.eth.accounts[0], force=True)
    raise ConfigError("BERTH_DEPLOYER_KEYSTORE: needed on a chain that is not local")


def main():
    config_file = os.environ.get("BERTH_DEPLOY_CONFIG")
    config = json.loads(Path(config_file).read_text()) if config_file else {}
    deployment = deploy(deployer_account(), config)
    del deployment["contracts"]
    out = Path(os.environ.get("BERTH_DEPLOYMENT_OUT", "deployment.json"))
    part = out.with_suffix(".part")
    part.write_text(json.dumps(deployment, indent=2) + "\n")
    part.rename(out)
    print(f"deployed; written to {out}")
