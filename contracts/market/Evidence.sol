// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketCore} from "../interfaces/IMarketCore.sol";
import {Occupancy, Outcome} from "../interfaces/BerthTypes.sol";
import {
    Berth_BadSignature,
    Berth_EvidenceTime,
    Berth_KindUnknown,
    Berth_LengthMismatch,
    Berth_WrongState
} from "../interfaces/BerthErrors.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {Slots} from "../libraries/Slots.sol";
import {SpaceWord2} from "../libraries/SpaceWord.sol";
import {Bill, Tariff} from "../libraries/Tariff.sol";
import {Leases} from "./Leases.sol";

/// @title What a lock saw, and what follows from it
abstract contract Evidence is IMarketCore, Leases {
    bytes32 private constant OCCUPANCY_TYPEHASH = keccak256(
        "Occupancy(uint256 leaseId,uint8 kind,uint40 from,uint40 until,uint32 energyWh)"
    );

    uint256 private constant ARRIVED = 1;
    uint256 private constant LEFT = 2;
    uint256 private constant BLOCKED = 3;
    uint256 private constant NOSHOW = 4;
    uint256 private constant EARLY = 15 minutes;
    uint256 private constant MAX_BATCH = 100;

    /// @inheritdoc IMarketCore
    function record(Occupancy calldata o, bytes calldata signature) external {
        _record(o, signature);
    }

    /// @inheritdoc IMarketCore
    function recordBatch(Occupancy[] calldata occupancies, bytes[] calldata signatures) external {
        uint256 count = occupancies.length;
        Range.between("occupancies", count, 1, MAX_BATCH);
        if (count != signatures.length) revert Berth_LengthMismatch(count, signatures.length);
        for (uint256 i = 0; i < count; ++i) {
            // whoever brings one of them alone, before, must not stop the others
            if (_isSpent(occupancies[i])) emit Skipped(occupancies[i].leaseId);
            else _record(occupancies[i], signatures[i]);
        }
    }

    /// @dev Nothing could follow from it any more: it, or something stronger, has been brought.
    function _isSpent(Occupancy calldata o) private view returns (bool) {
        uint256 state = o.kind == LEFT ? LeaseWordLib.PARKED : LeaseWordLib.BOOKED;
        if (_isBeyond(o.leaseId, state)) return true;
        return o.kind == NOSHOW && _leases[o.leaseId >> 16].noShow();
    }

    function _record(Occupancy calldata o, bytes calldata signature) private {
        if (o.kind < ARRIVED || o.kind > NOSHOW) revert Berth_KindUnknown(o.kind);
        Range.atMost("energyWh", o.energyWh, o.kind == LEFT ? type(uint32).max : 0);
        LeaseWord word = _open(o.leaseId);
        OfferWordA a = _prices(Slots.spaceOf(o.leaseId), word.offer());
        _checkTime(o.leaseId, 0, _t1(o.leaseId, word, a));

        // Check: the times; `from` and `until` fit uint40 because they are not in the future
        uint256 start = Slots.startOf(Slots.startSlotOf(o.leaseId));
        uint256 end;
        unchecked {
            end = start + word.slots() * Slots.SECONDS;
            // a lease never starts before it was booked, so `start` is far above 15 minutes
            _checkEvidenceTime(
                "from",
                o.from,
                o.kind <= LEFT ? start - EARLY : 0,
                o.kind == NOSHOW ? start : end - 1
            );
        }
        uint256 earliest = o.from;
        if (o.kind == BLOCKED && earliest < start) earliest = start;
        if (o.kind == NOSHOW) earliest = end;
        _checkEvidenceTime("until", o.until, earliest, block.timestamp);
        _checkLock(o, signature);

        if (o.kind == LEFT) _leave(o, word, a, start, (end - start) / 1 minutes);
        else _beforeParking(o, word, a, start);
    }

    /// @dev ARRIVED, BLOCKED and NOSHOW: of a lease that nobody has used yet.
    function _beforeParking(
        Occupancy calldata o,
        LeaseWord word,
        OfferWordA a,
        uint256 start
    ) private {
        _checkState(o.leaseId, word, LeaseWordLib.BOOKED);
        if (o.kind == ARRIVED) {
            _checkEvidenceTime("until", o.until, o.from, o.from);
            uint256 arrived = _arrivalMinute(o.from, start) + 1;
            _store(o.leaseId, word.withArrival(arrived).withState(LeaseWordLib.PARKED));
            emit Arrived(o.leaseId, uint40(o.from), uint16(arrived));
        } else if (o.kind == BLOCKED) {
            Bill memory nothing;
            _close(o.leaseId, word, a, nothing, Outcome.Obstructed);
        } else if (word.disputed()) {
            // kept for the end of the dispute
            if (word.noShow()) revert Berth_WrongState(o.leaseId, word.state());
            _store(o.leaseId, word.withNoShow());
            emit NoShowRecorded(o.leaseId, uint40(o.until));
        } else {
            _close(o.leaseId, word, a, _noShowBill(word, a), Outcome.NoShow);
        }
    }

    function _leave(
        Occupancy calldata o,
        LeaseWord word,
        OfferWordA a,
        uint256 start,
        uint256 booked
    ) private {
        if (word.state() == LeaseWordLib.CLAIMED) revert Berth_WrongState(o.leaseId, word.state());
        unchecked {
            // block times, and fields of at most 16 bits; energy has 32 bits
            if (word.arrived() == 0) {
                word = word.withArrival(_arrivalMinute(o.from, start) + 1);
            } else if (word.arrived() > 1) {
                // the stored arrival lies within the minute that ends at its mark
                uint256 earliest = start + (word.arrived() - 2) * 1 minutes;
                _checkEvidenceTime("until", o.until, earliest, block.timestamp);
            }
            uint256 latest = booked + Tariff.GRACE_MINUTES + a.reserveMinutes();
            uint256 minute = o.until > start ? (o.until - start) / 1 minutes : 0;
            uint256 energy = o.energyWh / 100;
            uint256 energyCap = 10 * word.kwhCap();
            word = word.withDeparture(
                minute < latest ? minute : latest,
                energy < energyCap ? energy : energyCap
            );
        }

        Bill memory bill = _evidenceBill(word, a);
        // a lock alone may take rent and bought energy; overstay waits for the driver, or for time. A disputed
        // lease waits whatever it bills
        if (!word.disputed() && (bill.overstay == 0 || _sender() == word.driver())) {
            _close(o.leaseId, word, a, bill, Outcome.Departed);
        } else {
            _store(o.leaseId, word.withState(LeaseWordLib.CLAIMED));
            emit OverstayClaimed(
                o.leaseId,
                uint16(word.arrived()),
                uint16(word.until()),
                uint16(word.energyUsed()),
                uint128(bill.overstay)
            );
        }
    }

    /// @return minute of arrival from the start, rounded up; 0 when early
    function _arrivalMinute(uint256 from, uint256 start) private pure returns (uint256) {
        unchecked {
            return from > start ? (from - start + 59) / 60 : 0;
        }
    }

    function _checkLock(Occupancy calldata o, bytes calldata signature) private view {
        uint256 spaceId = Slots.spaceOf(o.leaseId);
        address key = _space1[spaceId].lockKey();
        address signer = _signerOf(
            keccak256(
                abi.encode(OCCUPANCY_TYPEHASH, o.leaseId, o.kind, o.from, o.until, o.energyWh)
            ),
            signature
        );
        if (signer != key && !_isFormerLock(o, _space2[spaceId], signer))
            revert Berth_BadSignature("lock", key);
    }

    /// @dev A lock that was replaced speaks for leases that began before the slot of its replacement, and of
    ///      nothing later than that.
    function _isFormerLock(
        Occupancy calldata o,
        SpaceWord2 space,
        address signer
    ) private pure returns (bool) {
        uint256 rotatedAt = space.rotatedAt();
        return
            signer != address(0) &&
            signer == space.previousKey() &&
            Slots.startSlotOf(o.leaseId) < Slots.current(rotatedAt) &&
            o.until <= rotatedAt;
    }

    function _checkEvidenceTime(
        bytes32 field,
        uint256 value,
        uint256 earliest,
        uint256 latest
    ) private pure {
        if (value < earliest || value > latest)
            revert Berth_EvidenceTime(field, value, earliest, latest);
    }
}
