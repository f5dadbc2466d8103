// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IParkingMarket} from "../interfaces/IParkingMarket.sol";
import {LeaseRequest, LeaseView, Outcome, Record, VehicleProof} from "../interfaces/BerthTypes.sol";
import {
    Berth_CalendarTaken,
    Berth_CostAboveMaximum,
    Berth_EpochExhausted,
    Berth_LeaseUnknown,
    Berth_OutOfTime,
    Berth_SpaceLapses,
    Berth_StartInPast,
    Berth_StartTooFar,
    Berth_WrongState
} from "../interfaces/BerthErrors.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {SlotCalendar} from "../libraries/SlotCalendar.sol";
import {Slots} from "../libraries/Slots.sol";
import {SpaceWord0} from "../libraries/SpaceWord.sol";
import {Bill, Tariff} from "../libraries/Tariff.sol";
import {Offers} from "./Offers.sol";
import {SettlementLedger} from "./SettlementLedger.sol";
import {Vehicles} from "./Vehicles.sol";

/// @title Leases: taking one, and ending one when its time has come
abstract contract Leases is Offers, Vehicles, SettlementLedger {
    using SlotCalendar for mapping(uint256 => uint256);

    // a lease stays open for evidence until T1 = end + reserve + 24 h, a claim until T2 = T1 + 48 h
    uint256 private constant EVIDENCE_TIME = 24 hours;
    uint256 private constant CLAIM_TIME = 48 hours;

    mapping(uint256 leaseKey => LeaseWord) private _leases;
    mapping(uint256 calendarKey => uint256) private _calendar;

    /// @inheritdoc IParkingMarket
    function lease(LeaseRequest calldata request) external whenNotPaused returns (uint256 leaseId) {
        return _lease(_sender(), request);
    }

    /// @inheritdoc IParkingMarket
    function leaseWithVehicle(
        LeaseRequest calldata request,
        VehicleProof calldata vehicle
    ) external whenNotPaused returns (uint256 leaseId) {
        address driver = _sender();
        _registerVehicle(driver, vehicle);
        return _lease(driver, request);
    }

    /// @inheritdoc IParkingMarket
    function close(uint256 leaseId) external {
        LeaseWord word = _open(leaseId);
        uint256 spaceId = Slots.spaceOf(leaseId);
        OfferWordA a = _prices(spaceId, word.offer());
        uint256 t1 = _t1(leaseId, word, a);
        // nobody ever arrived and nobody spoke: silence never pays the owner for nothing
        Outcome outcome = Outcome.Unused;
        Bill memory bill;
        if (word.state() == LeaseWordLib.CLAIMED) {
            bool accepted = _sender() == word.driver();
            if (!accepted) _checkTime(leaseId, t1 + CLAIM_TIME, type(uint256).max);
            outcome = accepted ? Outcome.Accepted : Outcome.Matured;
            bill = _evidenceBill(word, a);
        } else {
            _checkTime(leaseId, t1, type(uint256).max);
            if (word.state() == LeaseWordLib.PARKED) {
                outcome = Outcome.Presumed;
                bill = Tariff.bookedRent(a, word.slots());
            }
        }
        _close(leaseId, word, a, bill, outcome);
    }

    /// @inheritdoc IParkingMarket
    function quote(
        uint256 spaceId,
        uint256 offer,
        uint256 slots,
        uint256 kwhCap
    ) external view returns (uint256) {
        Range.between("offer", offer, 1, _space(spaceId).lastOffer());
        Range.between("slots", slots, 1, Slots.MAX_STAY);
        Range.atMost("kwhCap", kwhCap, type(uint8).max);
        return Tariff.deposit(_prices(spaceId, offer), slots, kwhCap);
    }

    /// @inheritdoc IParkingMarket
    function leaseOf(uint256 leaseId) external view returns (LeaseView memory) {
        return _known(leaseId).unpack();
    }

    /// @inheritdoc IParkingMarket
    function depositOf(uint256 leaseId) external view returns (uint256) {
        LeaseWord word = _known(leaseId);
        return _depositOf(word, _prices(Slots.spaceOf(leaseId), word.offer()));
    }

    /// @inheritdoc IParkingMarket
    function calendarOf(uint256 spaceId, uint256 word) external view returns (uint256) {
        Range.atMost("spaceId", spaceId, type(uint64).max);
        Range.atMost("word", word, type(uint24).max);
        return _calendar[(spaceId << 24) | word];
    }

    function _lease(address driver, LeaseRequest calldata r) private returns (uint256 leaseId) {
        // Check: the request, the space, the offer, the vehicle
        SpaceWord0 space = _space(r.spaceId);
        Range.between("slots", r.slots, 1, Slots.MAX_STAY);
        Range.atMost("kwhCap", r.kwhCap, type(uint8).max);
        uint256 endSlot;
        uint256 endDay;
        // unchecked: a start within 90 days and at most 672 slots are far from the end of the number range
        unchecked {
            uint256 current = Slots.current(block.timestamp);
            if (r.startSlot < current) revert Berth_StartInPast(r.startSlot, current);
            if (r.startSlot > current + Slots.MAX_AHEAD) {
                revert Berth_StartTooFar(r.startSlot, current + Slots.MAX_AHEAD);
            }
            endSlot = r.startSlot + r.slots;
            endDay = (Slots.startOf(endSlot) - 1) / 1 days;
        }
        if (endDay > space.validDay())
            revert Berth_SpaceLapses(r.spaceId, endDay, space.validDay());
        OfferWordA a = _offerFor(r.spaceId, space, r.offer, r.startSlot, r.slots);
        _checkVehicle(r.plateCommitment, driver, endSlot);
        uint256 amount = Tariff.deposit(a, r.slots, r.kwhCap);
        if (amount > r.maxCost) revert Berth_CostAboveMaximum(amount, r.maxCost);

        // Effect: the calendar, then the lease. A free calendar means that no lease with this start is open
        if (_calendar.book(r.spaceId, r.startSlot, r.slots)) {
            revert Berth_CalendarTaken(r.spaceId, r.startSlot, r.slots);
        }
        uint256 key = Slots.key(r.spaceId, r.startSlot);
        uint256 epoch = _leases[key].epoch();
        if (epoch == type(uint16).max) revert Berth_EpochExhausted(r.spaceId, r.startSlot);
        unchecked {
            ++epoch;
        }
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
        address owner = _space0[spaceId].owner();

        _store(
            leaseId,
            word.withState(
                outcome == Outcome.Unused ? LeaseWordLib.CANCELLED : LeaseWordLib.SETTLED
            )
        );
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

    function _depositOf(LeaseWord word, OfferWordA a) private pure returns (uint256) {
        return Tariff.deposit(a, word.slots(), word.kwhCap());
    }

    /// @dev Slots that have begun stay taken: clearing them would only make the next lease's word dearer.
    function _releaseRest(uint256 spaceId, uint256 leaseId, LeaseWord word) private {
        unchecked {
            uint256 startSlot = Slots.startSlotOf(leaseId);
            uint256 endSlot = startSlot + word.slots();
            uint256 from = Slots.ceil(block.timestamp);
            if (from < startSlot) from = startSlot;
            if (from < endSlot) _calendar.release(spaceId, from, endSlot - from);
        }
    }
}
