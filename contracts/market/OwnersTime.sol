// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketExtension} from "../interfaces/IMarketExtension.sol";
import {Outcome} from "../interfaces/BerthTypes.sol";
import {Berth_NotPayee} from "../interfaces/BerthErrors.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {Slots} from "../libraries/Slots.sol";
import {Bill, Tariff} from "../libraries/Tariff.sol";
import {Leases} from "./Leases.sol";

/// @title An owner takes time back: by a block where it is free, by cancelling a lease, at a price
abstract contract OwnersTime is IMarketExtension, Leases {
    /// @inheritdoc IMarketExtension
    function blockSlots(
        uint256 spaceId,
        uint256 startSlot,
        uint256 slots
    ) external returns (uint256 leaseId) {
        address by = _sender();
        _managedSpace(spaceId, by);
        Range.between("slots", slots, 1, Slots.MAX_STAY);
        _checkStart(startSlot);
        (uint256 key, uint256 epoch) = _take(spaceId, startSlot, slots);
        LeaseWord word = LeaseWordLib.pack(by, slots, 0, epoch, 0);
        _leases[key] = word.withState(LeaseWordLib.BLOCKED);
        leaseId = Slots.leaseId(key, epoch);
        emit Blocked(leaseId, by, uint16(slots));
    }

    /// @inheritdoc IMarketExtension
    function unblock(uint256 leaseId) external {
        LeaseWord word = _known(leaseId);
        uint256 spaceId = Slots.spaceOf(leaseId);
        address by = _sender();
        _managedSpace(spaceId, by);
        _checkState(leaseId, word, LeaseWordLib.BLOCKED);
        _checkTime(leaseId, 0, Slots.startOf(Slots.startSlotOf(leaseId) + word.slots()));
        _store(leaseId, word.withState(LeaseWordLib.CANCELLED));
        _releaseRest(spaceId, leaseId, word);
        emit Unblocked(leaseId, by);
    }

    /// @inheritdoc IMarketExtension
    function ownerCancel(uint256 leaseId) external {
        LeaseWord word = _open(leaseId);
        address payee = _payee(Slots.spaceOf(leaseId), word.offer());
        address caller = _sender();
        if (caller != payee) revert Berth_NotPayee(leaseId, payee, caller);
        _checkUndisputed(leaseId, word);
        _checkState(leaseId, word, LeaseWordLib.BOOKED);
        OfferWordA a = _prices(Slots.spaceOf(leaseId), word.offer());
        _checkTime(leaseId, 0, _t1(leaseId, word, a));

        bool late = block.timestamp >= Slots.startOf(Slots.startSlotOf(leaseId));
        uint256 amount =
            late
                ? Tariff.partOfRent(a, word.slots(), a.noShowPct())
                : _cancelCharge(leaseId, word, a);
        Bill memory nothing;
        _close(leaseId, word, a, nothing, Outcome.CancelledByOwner);
        if (amount == 0) return;
        _debit(payee, amount);
        _credit(word.driver(), amount);
        emit Compensated(leaseId, payee, word.driver(), uint128(amount));
    }
}
