// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketExtension} from "../interfaces/IMarketExtension.sol";
import {ExtendRequest} from "../interfaces/BerthTypes.sol";
import {
    Berth_CalendarTaken,
    Berth_CostAboveMaximum,
    Berth_WrongState
} from "../interfaces/BerthErrors.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {SlotCalendar} from "../libraries/SlotCalendar.sol";
import {Slots} from "../libraries/Slots.sol";
import {SpaceWord0} from "../libraries/SpaceWord.sol";
import {Leases} from "./Leases.sol";

/// @title A driver changes a lease that runs: longer, more energy, another vehicle
abstract contract Extending is IMarketExtension, Leases {
    using SlotCalendar for mapping(uint256 => uint256);

    /// @inheritdoc IMarketExtension
    function extend(ExtendRequest calldata r) external {
        address driver = _sender();
        LeaseWord word = _running(r.leaseId, driver);

        // Check: the longer stay as a new one, from the start of the lease
        uint256 spaceId = Slots.spaceOf(r.leaseId);
        uint256 startSlot = Slots.startSlotOf(r.leaseId);
        Range.between("slots", r.slots, r.kwh == 0 ? 1 : 0, Slots.MAX_STAY - word.slots());
        Range.atMost("kwh", r.kwh, type(uint8).max - word.kwhCap());
        LeaseWord longer = word.withMore(r.slots, r.kwh);
        uint256 endSlot = startSlot + longer.slots();
        SpaceWord0 space = _space(spaceId);
        _checkValid(spaceId, space, endSlot);
        OfferWordA a = _offerFor(spaceId, space, word.offer(), startSlot, longer.slots());
        _checkVehicle(r.plateCommitment, driver, endSlot);
        uint256 amount = _depositOf(longer, a);
        if (amount > r.maxCost) revert Berth_CostAboveMaximum(amount, r.maxCost);

        // Effect
        if (r.slots != 0) {
            uint256 from = startSlot + word.slots();
            if (_calendar.book(spaceId, from, r.slots))
                revert Berth_CalendarTaken(spaceId, from, r.slots);
        }
        _store(r.leaseId, longer);

        // Interaction: credit first, then the token
        uint256 pulled = _escrow(driver, amount - _depositOf(word, a));
        emit Extended(
            r.leaseId,
            driver,
            uint16(longer.slots()),
            uint8(longer.kwhCap()),
            uint128(amount),
            uint128(pulled),
            r.plateCommitment
        );
    }

    /// @inheritdoc IMarketExtension
    function changeVehicle(uint256 leaseId, bytes32 plateCommitment) external {
        address driver = _sender();
        LeaseWord word = _running(leaseId, driver);
        _checkVehicle(plateCommitment, driver, Slots.startSlotOf(leaseId) + word.slots());
        emit VehicleChanged(leaseId, driver, plateCommitment);
    }

    /// @dev Booked or Parked, before its end, undisputed, the caller its driver.
    function _running(uint256 leaseId, address caller) private view returns (LeaseWord word) {
        word = _open(leaseId);
        _checkDriver(leaseId, word, caller);
        if (word.state() == LeaseWordLib.CLAIMED) revert Berth_WrongState(leaseId, word.state());
        _checkTime(leaseId, 0, Slots.startOf(Slots.startSlotOf(leaseId) + word.slots()));
    }
}
