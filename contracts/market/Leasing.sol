// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketCore} from "../interfaces/IMarketCore.sol";
import {LeaseRequest, Outcome, Permit, VehicleProof} from "../interfaces/BerthTypes.sol";
import {Berth_CostAboveMaximum} from "../interfaces/BerthErrors.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {Slots} from "../libraries/Slots.sol";
import {SpaceWord0} from "../libraries/SpaceWord.sol";
import {Tariff} from "../libraries/Tariff.sol";
import {Funds} from "./Funds.sol";
import {Leases} from "./Leases.sol";

/// @title A driver takes a lease, and may cancel it before it starts
abstract contract Leasing is Leases, Funds {
    /// @inheritdoc IMarketCore
    function registerVehicle(VehicleProof calldata vehicle) external {
        _registerVehicle(_sender(), vehicle);
    }

    /// @inheritdoc IMarketCore
    function lease(LeaseRequest calldata request) external whenNotPaused returns (uint256 leaseId) {
        return _lease(_sender(), request);
    }

    /// @inheritdoc IMarketCore
    function leaseWithVehicle(
        LeaseRequest calldata request,
        VehicleProof calldata vehicle
    ) external whenNotPaused returns (uint256 leaseId) {
        address driver = _sender();
        _registerVehicle(driver, vehicle);
        return _lease(driver, request);
    }

    /// @inheritdoc IMarketCore
    function leaseWithPermit(
        LeaseRequest calldata request,
        VehicleProof calldata vehicle,
        Permit calldata permit
    ) external whenNotPaused returns (uint256 leaseId) {
        address driver = _sender();
        _permit(driver, permit);
        if (vehicle.signature.length != 0) _registerVehicle(driver, vehicle);
        return _lease(driver, request);
    }

    /// @inheritdoc IMarketCore
    function cancel(uint256 leaseId) external {
        LeaseWord word = _open(leaseId);
        _checkDriver(leaseId, word, _sender());
        _checkState(leaseId, word, LeaseWordLib.BOOKED);
        _checkTime(leaseId, 0, Slots.startOf(Slots.startSlotOf(leaseId)));
        OfferWordA a = _prices(Slots.spaceOf(leaseId), word.offer());
        uint256 cost = _cancelCharge(leaseId, word, a);
        _close(leaseId, word, a, Tariff.charge(a, cost), Outcome.Cancelled);
    }

    function _lease(address driver, LeaseRequest calldata r) private returns (uint256 leaseId) {
        // Check: the request, the space, the offer, the vehicle
        SpaceWord0 space = _space(r.spaceId);
        Range.between("slots", r.slots, 1, Slots.MAX_STAY);
        Range.atMost("kwhCap", r.kwhCap, type(uint8).max);
        _checkStart(r.startSlot);
        uint256 endSlot;
        unchecked {
            // a start within 90 days and at most 672 slots
            endSlot = r.startSlot + r.slots;
        }
        _checkValid(r.spaceId, space, endSlot);
        OfferWordA a = _offerFor(r.spaceId, space, r.offer, r.startSlot, r.slots);
        _checkVehicle(r.plateCommitment, driver, endSlot);
        uint256 amount = Tariff.deposit(a, r.slots, r.kwhCap);
        if (amount > r.maxCost) revert Berth_CostAboveMaximum(amount, r.maxCost);

        // Effect: the calendar, then the lease
        (uint256 key, uint256 epoch) = _take(r.spaceId, r.startSlot, r.slots);
        _leases[key] = LeaseWordLib.pack(driver, r.slots, r.offer, epoch, r.kwhCap);
        leaseId = Slots.leaseId(key, epoch);

        // Interaction: credit first, then the token
        uint256 pulled = _escrow(driver, amount);
        emit Leased(
            leaseId,
            driver,
            space.cell(),
            uint16(r.slots),
            uint16(r.offer),
            uint8(r.kwhCap),
            uint128(amount),
            uint128(pulled),
            r.plateCommitment
        );
    }
}
