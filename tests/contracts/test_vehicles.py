"""Vehicles: attested for one driver, until a slot."""

import pytest
from support.clock import DAY, MONDAY, slot
from support.errors import reverts
from support.keys import key
from support.world import MAKER, VEHICLES, VERIFIER
from test_spaces import malleable

PLATE = b"\x77" * 32
UNTIL = slot(MONDAY + 30 * DAY)


class TestRegisterVehicle:
    def test_stores_the_attestation_and_tells_the_world(self, world, market):
        tx = market.registerVehicle(
            world.vehicle(world.driver, PLATE, 3, UNTIL), {"from": world.driver}
        )
        assert market.vehicleOf(PLATE) == (world.driver, UNTIL, VEHICLES, 3)
        assert tx.events["VehicleRegistered"] == {
            "plateCommitment": "0x" + PLATE.hex(),
            "driver": world.driver,
            "untilSlot": UNTIL,
            "verifier": VEHICLES,
            "size": 3,
        }

    def test_the_same_driver_may_renew(self, world, market):
        market.registerVehicle(world.vehicle(world.driver, PLATE, 3, UNTIL), {"from": world.driver})
        market.registerVehicle(
            world.vehicle(world.driver, PLATE, 3, UNTIL + 9), {"from": world.driver}
        )
        assert market.vehicleOf(PLATE)[1] == UNTIL + 9

    def test_nobody_takes_over_a_vehicle_even_with_an_attestation(self, world, market):
        market.registerVehicle(world.vehicle(world.driver, PLATE), {"from": world.driver})
        with reverts("VehicleNotDrivers", PLATE, world.driver, world.stranger):
            market.registerVehicle(world.vehicle(world.stranger, PLATE), {"from": world.stranger})

    def test_an_attestation_speaks_for_its_driver_only(self, world, market):
        with reverts("BadSignature", "vehicle", world.vehicle_verifier.address):
            market.registerVehicle(world.vehicle(world.driver, PLATE), {"from": world.stranger})

    @pytest.mark.parametrize(("place", "value"), [(0, b"\x78" * 32), (1, 1), (2, UNTIL + 1)])
    def test_no_field_can_be_changed_after_signing(self, world, market, place, value):
        form = list(world.vehicle(world.driver, PLATE, 3, UNTIL))
        form[place] = value
        with reverts("BadSignature", "vehicle", world.vehicle_verifier.address):
            market.registerVehicle(tuple(form), {"from": world.driver})

    def test_reverts_for_a_signature_of_somebody_else(self, world, market):
        with reverts("BadSignature", "vehicle", world.vehicle_verifier.address):
            market.registerVehicle(
                world.vehicle(world.driver, PLATE, by=key("nobody")), {"from": world.driver}
            )

    def test_reverts_for_a_malleable_signature(self, world, market):
        form = world.vehicle(world.driver, PLATE)
        with reverts("BadSignature", "vehicle", world.vehicle_verifier.address):
            market.registerVehicle((*form[:4], malleable(form[4])), {"from": world.driver})

    @pytest.mark.parametrize("verifier", [0, 99, VERIFIER, MAKER, 2**256 - 1])
    def test_reverts_for_a_verifier_that_verifies_no_vehicles(self, world, market, verifier):
        form = list(world.vehicle(world.driver, PLATE))
        form[3] = verifier
        with reverts("AttesterUnknown", verifier):
            market.registerVehicle(tuple(form), {"from": world.driver})

    def test_reverts_for_a_revoked_verifier(self, world, market):
        market.revokeAttester(VEHICLES, {"from": world.guardian})
        with reverts("AttesterRevoked", VEHICLES):
            market.registerVehicle(world.vehicle(world.driver, PLATE), {"from": world.driver})

    @pytest.mark.parametrize("size", [0, 5, 256])
    def test_reverts_for_a_size_that_is_none(self, world, market, size):
        form = list(world.vehicle(world.driver, PLATE))
        form[1] = size
        with reverts("OutOfRange", "size", size, 1, 4):
            market.registerVehicle(tuple(form), {"from": world.driver})

    @pytest.mark.parametrize("until", [0, 2**32])
    def test_reverts_for_a_slot_that_is_none(self, world, market, until):
        form = list(world.vehicle(world.driver, PLATE))
        form[2] = until
        with reverts("OutOfRange", "untilSlot", until, 1, 2**32 - 1):
            market.registerVehicle(tuple(form), {"from": world.driver})

    def test_works_while_paused(self, world, market):
        market.pause({"from": world.guardian})
        market.registerVehicle(world.vehicle(world.driver, PLATE), {"from": world.driver})
        assert market.vehicleOf(PLATE)[0] == world.driver
