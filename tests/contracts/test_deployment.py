"""What scripts/deploy.py leaves behind: everything wired, everything handed to the timelock,
nothing kept."""

import pytest
from berth.core.hashing import keccak
from brownie import web3
from support.clock import at, now
from support.errors import reverts_with
from support.world import CITY, DELAY, MAKER, OTHER_CITY, VEHICLES, VERIFIER, deployer_script

ADMIN = bytes(32)
GUARDIAN = keccak(b"GUARDIAN_ROLE")
ZERO = bytes(32)
SALT = b"\x01" * 32


def unauthorized(account, role: bytes) -> str:
    return f"AccessControlUnauthorizedAccount: {account.address.lower()}, {role}"


class TestWiring:
    def test_the_market_knows_its_registry_asset_and_forwarder(self, world, market):
        assert market.titles() == world.titles
        assert market.asset() == world.asset
        assert market.trustedForwarder() == world.forwarder
        assert world.titles.isMarket(market)

    def test_authorities_and_attesters_are_those_of_the_configuration(self, world, market, titles):
        assert titles.authorityOf(CITY) == world.authority
        assert titles.authorityOf(OTHER_CITY) != world.authority
        assert market.attesterOf(VERIFIER) == (world.verifier.address, 1, False)
        assert market.attesterOf(VEHICLES) == (world.vehicle_verifier.address, 2, False)
        assert market.attesterOf(MAKER) == (world.maker.address, 4, False)

    def test_the_deployment_file_names_what_is_on_the_chain(self, world, market):
        deployment = world.deployment
        assert deployment["chainId"] == web3.chain_id
        assert deployment["market"] == market.address
        assert deployment["titles"] == world.titles.address
        assert deployment["timelock"] == world.timelock.address
        assert deployment["assetDecimals"] == 6
        assert deployment["attesters"][str(MAKER)] == world.maker.address

    def test_every_contract_is_below_the_size_limit_with_room(self, world):
        sizes = {
            name: len(web3.eth.get_code(getattr(world, name).address))
            for name in ("market", "titles", "forwarder", "timelock")
        } | {"extension": len(web3.eth.get_code(world.extension))}
        assert max(sizes.values()) < 24_576 - 2_000, sizes


class TestPowers:
    def test_the_timelock_is_the_only_admin(self, world, market, titles):
        for contract in (market, titles):
            assert contract.hasRole(ADMIN, world.timelock)
            for account in (world.deployer, world.guardian, world.authority):
                assert not contract.hasRole(ADMIN, account)

    def test_the_deployer_keeps_no_role_in_the_contracts(self, world, market, titles):
        for contract in (market, titles):
            for role in (ADMIN, GUARDIAN):
                assert not contract.hasRole(role, world.deployer)
                with reverts_with(unauthorized(world.deployer, ADMIN)):
                    contract.grantRole(role, world.deployer, {"from": world.deployer})

    def test_the_arbiter_is_arbiter_only(self, world):
        script = deployer_script()
        config = {"arbiter": world.stranger.address}
        market = script.deploy(world.deployer, config)["contracts"]["market"]
        assert market.hasRole(market.ARBITER_ROLE(), world.stranger)
        for role in (ADMIN, GUARDIAN):
            assert not market.hasRole(role, world.stranger)
        assert not market.hasRole(market.ARBITER_ROLE(), world.deployer)

    def test_the_guardian_is_guardian_only(self, world, market):
        assert market.hasRole(GUARDIAN, world.guardian)
        with reverts_with(unauthorized(world.guardian, ADMIN)):
            market.grantRole(GUARDIAN, world.stranger, {"from": world.guardian})

    def test_nobody_but_the_timelock_itself_administers_the_timelock(self, world):
        timelock = world.timelock
        assert timelock.hasRole(ADMIN, timelock)
        assert not timelock.hasRole(ADMIN, world.deployer)
        with reverts_with(unauthorized(world.deployer, ADMIN)):
            timelock.grantRole(timelock.PROPOSER_ROLE(), world.stranger, {"from": world.deployer})
        with reverts_with(f"TimelockUnauthorizedCaller: {world.deployer.address.lower()}"):
            timelock.updateDelay(0, {"from": world.deployer})


class TestTimelock:
    def schedule(self, world, data, delay=DELAY):
        return world.timelock.schedule(
            world.market, 0, data, ZERO, SALT, delay, {"from": world.deployer}
        )

    def execute(self, world, data, sender=None):
        return world.timelock.execute(
            world.market, 0, data, ZERO, SALT, {"from": sender or world.deployer}
        )

    def test_a_fee_change_is_announced_two_days_before(self, world, market):
        data = market.setFee.encode_input(300)
        self.schedule(world, data)
        scheduled = now()
        at(scheduled + DELAY - 1)
        with pytest.raises(Exception, match="TimelockUnexpectedOperationState"):
            self.execute(world, data)
        at(scheduled + DELAY)
        self.execute(world, data)
        assert market.config()[0] == 300

    def test_a_shorter_delay_is_refused(self, world, market):
        with reverts_with(f"TimelockInsufficientDelay: {DELAY - 1}, {DELAY}"):
            self.schedule(world, market.setFee.encode_input(300), DELAY - 1)

    def test_only_proposers_announce_and_only_executors_execute(self, world, market):
        data = market.setFee.encode_input(300)
        timelock = world.timelock
        with reverts_with(unauthorized(world.stranger, bytes(timelock.PROPOSER_ROLE()))):
            timelock.schedule(market, 0, data, ZERO, SALT, DELAY, {"from": world.stranger})
        self.schedule(world, data)
        at(now() + DELAY)
        with reverts_with(unauthorized(world.stranger, bytes(timelock.EXECUTOR_ROLE()))):
            self.execute(world, data, world.stranger)

    def test_an_announcement_can_be_cancelled(self, world, market):
        data = market.setFee.encode_input(300)
        number = self.schedule(world, data).events["CallScheduled"]["id"]
        world.timelock.cancel(number, {"from": world.deployer})
        at(now() + DELAY)
        with pytest.raises(Exception, match="TimelockUnexpectedOperationState"):
            self.execute(world, data)


class TestScript:
    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"feeBpz": 1}, "unknown keys: feeBpz"),
            (
                {"attesters": {1: {"account": "0x" + "11" * 20, "roles": ["kings"]}}},
                "attesters.1.roles",
            ),
            (
                {"attesters": {1: {"account": "0x" + "11" * 20, "roles": []}}},
                "attesters.1.roles: empty",
            ),
        ],
    )
    def test_refuses_a_bad_configuration_before_anything_is_sent(self, world, config, message):
        script = deployer_script()
        before = web3.eth.get_transaction_count(world.deployer.address)
        with pytest.raises(script.ConfigError, match=message):
            script.deploy(world.deployer, config)
        assert web3.eth.get_transaction_count(world.deployer.address) == before

    def test_on_a_chain_that_is_not_local_a_delay_leaves_time_to_see(self, world, monkeypatch):
        script = deployer_script()
        account = world.stranger.address
        config = {"proposers": [account], "executors": [account], "asset": world.asset.address}
        monkeypatch.setattr(script, "LOCAL_CHAINS", ())
        assert script.checked({**config, "timelockDelay": 86_400})["timelockDelay"] == 86_400
        with pytest.raises(script.ConfigError, match="timelockDelay: 86399 s"):
            script.checked({**config, "timelockDelay": 86_399})

    @pytest.mark.parametrize("missing", ["proposers", "executors", "asset"])
    def test_on_a_chain_that_is_not_local_nothing_stands_in_for(self, world, monkeypatch, missing):
        script = deployer_script()
        account = world.stranger.address
        config = {"proposers": [account], "executors": [account], "asset": world.asset.address}
        monkeypatch.setattr(script, "LOCAL_CHAINS", ())
        assert script.checked(config)["asset"] == world.asset.address
        del config[missing]
        with pytest.raises(script.ConfigError, match=missing):
            script.checked(config)
