// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Outcome, Record} from "../interfaces/BerthTypes.sol";
import {
    Berth_CalendarTaken,
    Berth_Disputed,
    Berth_EpochExhausted,
    Berth_LeaseUnknown,
    Berth_NotDriver,
    Berth_OutOfTime,
    Berth_StartInPast,
    Berth_StartTooFar,
    Berth_WrongState
} from "../interfaces/BerthErrors.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA} from "../libraries/OfferWord.sol";
import {SlotCalendar} from "../libraries/SlotCalendar.sol";
import {Slots} from "../libraries/Slots.sol";
import {Bill, Tariff} from "../libraries/Tariff.sol";
import {Offers} from "./Offers.sol";
import {SettlementLedger} from "./SettlementLedger.sol";
import {Vehicles} from "./Vehicles.sol";

/// @title Leases: their words, their calendar, their deadlines, and the one way in which they end
abstract contract Leases is Offers, Vehicles, SettlementLedger {
    using SlotCalendar for mapping(uint256 => uint256);

    // T1 = end + reserve + 24 h for evidence, T2 = T1 + 48 h for a claim, T3 = T2 + 7 d for a dispute
    uint256 private constant EVIDENCE_TIME = 24 hours;
    uint256 internal constant CLAIM_TIME = 48 hours;
    uint256 internal constant DISPUTE_TIME = 7 days;

    mapping(uint256 leaseKey => LeaseWord) internal _leases;
    mapping(uint256 calendarKey => uint256) internal _calendar;

    /// @notice The one way a lease ends: state, calendar, credits, ledger, event.
    function _close(
        uint256 leaseId,
        LeaseWord word,
        OfferWordA a,
        Bill memory bill,
        Outcome outcome
    ) internal {
        uint256 spaceId = Slots.spaceOf(leaseId);
        uint256 cost;
        uint256 share;
        unchecked {
            // each term is below 2^91, and the fee is at most a tenth of the cost
            cost = bill.rent + bill.overstay + bill.energy;
            share = cost - bill.fee;
        }
        // no clamp: every term of a bill is at most its term of the deposit; checked all the same
        uint256 refund = _depositOf(word, a) - cost;
        address owner = _payee(spaceId, word.offer());

        _store(leaseId, word.withState(_terminalState(outcome)));
        _releaseRest(spaceId, leaseId, word);
        if (share != 0) _credit(owner, share);
        if (refund != 0) _credit(word.driver(), refund);
        _append(
            Record({
                leaseId: leaseId,
                outcome: uint256(outcome),
                owner: owner,
                driver: word.driver(),
                offer: word.offer(),
                rent: bill.rent,
                overstay: bill.overstay,
                energy: bill.energy,
                fee: bill.fee,
                refund: refund,
                arrived: word.arrived(),
                until: word.until(),
                energyWh: word.energyUsed() * 100,
                closedAt: block.timestamp
            })
        );
    }

    /// @notice Takes [startSlot, startSlot + slots) for a new word, a lease or a block.
    /// @return key storage key of the word
    /// @return epoch how often this start has been taken, this time included
    function _take(
        uint256 spaceId,
        uint256 startSlot,
        uint256 slots
    ) internal returns (uint256 key, uint256 epoch) {
        // a free calendar means that no lease with this start is open
        if (_calendar.book(spaceId, startSlot, slots))
            revert Berth_CalendarTaken(spaceId, startSlot, slots);
        key = Slots.key(spaceId, startSlot);
        epoch = _leases[key].epoch();
        if (epoch == type(uint16).max) revert Berth_EpochExhausted(spaceId, startSlot);
        unchecked {
            ++epoch;
        }
    }

    /// @dev Reverts unless a stay may start then: from the current slot to 90 days ahead.
    function _checkStart(uint256 startSlot) internal view {
        unchecked {
            // slots of the block's time are far from the end of the number range
            uint256 current = Slots.current(block.timestamp);
            if (startSlot < current) revert Berth_StartInPast(startSlot, current);
            if (startSlot > current + Slots.MAX_AHEAD)
                revert Berth_StartTooFar(startSlot, current + Slots.MAX_AHEAD);
        }
    }

    /// @notice What cancelling costs now: nothing until the offer's hours before the start.
    function _cancelCharge(
        uint256 leaseId,
        LeaseWord word,
        OfferWordA a
    ) internal view returns (uint256) {
        unchecked {
            // the hours have 16 bits
            uint256 latest = Slots.startOf(Slots.startSlotOf(leaseId));
            if (block.timestamp + a.freeCancelHours() * 1 hours <= latest) return 0;
        }
        return Tariff.partOfRent(a, word.slots(), a.cancelPct());
    }

    function _noShowBill(LeaseWord word, OfferWordA a) internal pure returns (Bill memory) {
        return Tariff.charge(a, Tariff.partOfRent(a, word.slots(), a.noShowPct()));
    }

    /// @notice The bill of the evidence on file.
    function _evidenceBill(LeaseWord word, OfferWordA a) internal pure returns (Bill memory) {
        // a departure is always stored with an arrival
        return Tariff.bill(a, word.slots(), word.arrived() - 1, word.until(), word.energyUsed());
    }

    /// @dev Reverts unless the lease exists, with this epoch.
    function _known(uint256 leaseId) internal view returns (LeaseWord word) {
        word = _leases[leaseId >> 16];
        if (word.epoch() != leaseId & type(uint16).max || word.epoch() == 0)
            revert Berth_LeaseUnknown(leaseId);
    }

    /// @dev Reverts unless the lease is Booked, Parked or Claimed.
    function _open(uint256 leaseId) internal view returns (LeaseWord word) {
        word = _known(leaseId);
        uint256 state = word.state();
        // one comparison: from below, None wraps around
        unchecked {
            if (state - LeaseWordLib.BOOKED > LeaseWordLib.CLAIMED - LeaseWordLib.BOOKED)
                revert Berth_WrongState(leaseId, state);
        }
    }

    /// @dev Reverts unless the caller is the lease's driver and nobody disputes it.
    function _checkDriver(uint256 leaseId, LeaseWord word, address caller) internal pure {
        if (caller != word.driver()) revert Berth_NotDriver(leaseId, word.driver(), caller);
        _checkUndisputed(leaseId, word);
    }

    function _checkUndisputed(uint256 leaseId, LeaseWord word) internal pure {
        if (word.disputed()) revert Berth_Disputed(leaseId);
    }

    function _checkState(uint256 leaseId, LeaseWord word, uint256 state) internal pure {
        if (word.state() != state) revert Berth_WrongState(leaseId, word.state());
    }

    /// @notice Is this lease beyond a state, or another with its start in its place?
    /// @dev Reverts when it never was.
    function _isBeyond(uint256 leaseId, uint256 state) internal view returns (bool) {
        LeaseWord word = _leases[leaseId >> 16];
        uint256 epoch = uint16(leaseId);
        if (epoch == 0 || epoch > word.epoch()) revert Berth_LeaseUnknown(leaseId);
        return epoch != word.epoch() || word.state() > state;
    }

    function _store(uint256 leaseId, LeaseWord word) internal {
        _leases[leaseId >> 16] = word;
    }

    /// @notice Evidence is legal before T1, closing from T1 on.
    /// @return Unix seconds
    function _t1(uint256 leaseId, LeaseWord word, OfferWordA a) internal pure returns (uint256) {
        // unchecked: 32, 10 and 16 bits
        unchecked {
            return
                Slots.startOf(Slots.startSlotOf(leaseId) + word.slots()) +
                a.reserveMinutes() * 1 minutes +
                EVIDENCE_TIME;
        }
    }

    /// @dev Half-open: legal in [from, until).
    function _checkTime(uint256 leaseId, uint256 from, uint256 until) internal view {
        if (block.timestamp < from || block.timestamp >= until) {
            revert Berth_OutOfTime(leaseId, from, until, block.timestamp);
        }
    }

    function _depositOf(LeaseWord word, OfferWordA a) internal pure returns (uint256) {
        return Tariff.deposit(a, word.slots(), word.kwhCap());
    }

    /// @dev Slots that have begun stay taken: clearing them would only make the next lease's word dearer.
    function _releaseRest(uint256 spaceId, uint256 leaseId, LeaseWord word) internal {
        unchecked {
            uint256 startSlot = Slots.startSlotOf(leaseId);
            uint256 endSlot = startSlot + word.slots();
            uint256 from = Slots.ceil(block.timestamp);
            if (from < startSlot) from = startSlot;
            if (from < endSlot) _calendar.release(spaceId, from, endSlot - from);
        }
    }

    function _terminalState(Outcome outcome) private pure returns (uint256) {
        // Cancelled for Unused, Cancelled, CancelledByOwner and Obstructed, which are 5 to 8; Settled, one less, for
        // all others
        unchecked {
            return LeaseWordLib.SETTLED + ((0x1e0 >> uint256(outcome)) & 1);
        }
    }
}
