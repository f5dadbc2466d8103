// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IParkingMarket} from "../interfaces/IParkingMarket.sol";
import {Occupancy, Outcome} from "../interfaces/BerthTypes.sol";
import {
    Berth_BadSignature,
    Berth_EvidenceTime,
    Berth_KindUnknown,
    Berth_WrongState
} from "../interfaces/BerthErrors.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {Slots} from "../libraries/Slots.sol";
import {Bill, Tariff} from "../libraries/Tariff.sol";
import {Leases} from "./Leases.sol";

/// @title What a lock saw, and what follows from it
abstract contract Evidence is Leases {
    bytes32 private constant OCCUPANCY_TYPEHASH = keccak256(
        "Occupancy(uint256 leaseId,uint8 kind,uint40 from,uint40 until,uint32 energyWh)"
    );

    uint256 private constant ARRIVED = 1;
    uint256 private constant LEFT = 2;
    uint256 private constant EARLY = 15 minutes;

    /// @inheritdoc IParkingMarket
    function record(Occupancy calldata o, bytes calldata signature) external {
        if (o.kind != ARRIVED && o.kind != LEFT) revert Berth_KindUnknown(o.kind);
        Range.atMost("energyWh", o.energyWh, type(uint32).max);
        LeaseWord word = _open(o.leaseId);
        OfferWordA a = _prices(Slots.spaceOf(o.leaseId), word.offer());
        _checkTime(o.leaseId, 0, _t1(o.leaseId, word, a));

        // Check: the times that both kinds share; `from` and `until` fit uint40 because they are not in the future
        uint256 start = Slots.startOf(Slots.startSlotOf(o.leaseId));
        uint256 booked;
        unchecked {
            // a lease never starts before it was booked, so `start` is far above 15 minutes
            booked = 15 * word.slots();
            _checkEvidenceTime("from", o.from, start - EARLY, start + booked * 1 minutes - 1);
        }
        _checkEvidenceTime("until", o.until, o.from, block.timestamp);
        _checkLock(o, signature);

        if (o.kind == ARRIVED) _arrive(o, word, start);
        else _leave(o, word, a, start, booked);
    }

    function _arrive(Occupancy calldata o, LeaseWord word, uint256 start) private {
        if (word.state() != LeaseWordLib.BOOKED) revert Berth_WrongState(o.leaseId, word.state());
        _checkEvidenceTime("until", o.until, o.from, o.from);
        Range.atMost("energyWh", o.energyWh, 0);
        uint256 arrived = _arrivalMinute(o.from, start) + 1;
        _store(o.leaseId, word.withArrival(arrived).withState(LeaseWordLib.PARKED));
        emit Arrived(o.leaseId, uint40(o.from), uint16(arrived));
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
        // a lock alone may take rent and bought energy; overstay waits for the driver, or for time
        if (bill.overstay == 0 || _sender() == word.driver()) {
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
        address key = _space1[Slots.spaceOf(o.leaseId)].lockKey();
        bytes32 digest = keccak256(
            abi.encode(OCCUPANCY_TYPEHASH, o.leaseId, o.kind, o.from, o.until, o.energyWh)
        );
        if (!_signed(digest, signature, key)) revert Berth_BadSignature("lock", key);
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
