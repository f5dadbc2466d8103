// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {OfferTerms} from "../interfaces/BerthTypes.sol";
import {Berth_DaysReversed} from "../interfaces/BerthErrors.sol";
import {Range} from "./Range.sol";
import {Slots} from "./Slots.sol";
import {WeeklyHours} from "./WeeklyHours.sol";

// Word A, low to high: price per slot 80 | price per kWh 80 | feeBps 16 | overstay % 16 |
// reserve minutes 16 | minimum % 16 | free-cancel hours 16 | no-show % 8 | cancel % 8.
type OfferWordA is uint256;
// Word B, low to high: hours of week 168 | UTC offset in quarter hours, int8 | first day 16 |
// last day 16 | min slots 16 | max slots 16 | flags 16.
type OfferWordB is uint256;

using OfferWord for OfferWordA global;
using OfferWord for OfferWordB global;

/// @title The two words of an immutable offer; settlement reads word A only
library OfferWord {
    uint256 internal constant MAX_FEE_BPS = 1000;

    /// @notice Checks every term and packs them; nothing truncates.
    function pack(
        OfferTerms calldata t,
        uint256 feeBps_
    ) internal pure returns (OfferWordA a, OfferWordB b) {
        Range.between("pricePerSlot", t.pricePerSlot, 1, type(uint80).max);
        Range.atMost("pricePerKwh", t.pricePerKwh, type(uint80).max);
        Range.between("overstayPct", t.overstayPct, 100, 1000);
        Range.atMost("reserveMinutes", t.reserveMinutes, 1440);
        Range.atMost("minimumPct", t.minimumPct, 100);
        Range.atMost("freeCancelHours", t.freeCancelHours, type(uint16).max);
        Range.atMost("noShowPct", t.noShowPct, 100);
        Range.atMost("cancelPct", t.cancelPct, t.noShowPct);
        Range.between("hoursOfWeek", t.hoursOfWeek, 1, WeeklyHours.ALL);
        // shifted by 48, so that one unsigned range covers UTC-12 to UTC+14
        unchecked {
            Range.atMost("utcOffset", uint256(t.utcOffset + 48), 104);
        }
        Range.atMost("firstDay", t.firstDay, type(uint16).max);
        Range.atMost("lastDay", t.lastDay, type(uint16).max);
        if (t.firstDay > t.lastDay) revert Berth_DaysReversed(t.firstDay, t.lastDay);
        Range.between("minSlots", t.minSlots, 1, Slots.MAX_STAY);
        Range.between("maxSlots", t.maxSlots, t.minSlots, Slots.MAX_STAY);
        Range.atMost("flags", t.flags, type(uint16).max);

        a = OfferWordA.wrap(
            t.pricePerSlot |
                (t.pricePerKwh << 80) |
                (feeBps_ << 160) |
                (t.overstayPct << 176) |
                (t.reserveMinutes << 192) |
                (t.minimumPct << 208) |
                (t.freeCancelHours << 224) |
                (t.noShowPct << 240) |
                (t.cancelPct << 248)
        );
        b = OfferWordB.wrap(
            t.hoursOfWeek |
                ((uint256(t.utcOffset) & 0xff) << 168) |
                (t.firstDay << 176) |
                (t.lastDay << 192) |
                (t.minSlots << 208) |
                (t.maxSlots << 224) |
                (t.flags << 240)
        );
    }

    function pricePerSlot(OfferWordA a) internal pure returns (uint256) {
        return uint80(OfferWordA.unwrap(a));
    }

    function pricePerKwh(OfferWordA a) internal pure returns (uint256) {
        return uint80(OfferWordA.unwrap(a) >> 80);
    }

    function feeBps(OfferWordA a) internal pure returns (uint256) {
        return uint16(OfferWordA.unwrap(a) >> 160);
    }

    function overstayPct(OfferWordA a) internal pure returns (uint256) {
        return uint16(OfferWordA.unwrap(a) >> 176);
    }

    function reserveMinutes(OfferWordA a) internal pure returns (uint256) {
        return uint16(OfferWordA.unwrap(a) >> 192);
    }

    function minimumPct(OfferWordA a) internal pure returns (uint256) {
        return uint16(OfferWordA.unwrap(a) >> 208);
    }

    function freeCancelHours(OfferWordA a) internal pure returns (uint256) {
        return uint16(OfferWordA.unwrap(a) >> 224);
    }

    function noShowPct(OfferWordA a) internal pure returns (uint256) {
        return uint8(OfferWordA.unwrap(a) >> 240);
    }

    function cancelPct(OfferWordA a) internal pure returns (uint256) {
        return uint8(OfferWordA.unwrap(a) >> 248);
    }

    function hoursOfWeek(OfferWordB b) internal pure returns (uint256) {
        return uint168(OfferWordB.unwrap(b));
    }

    /// @notice UTC slots to the offer's local slots.
    function localSlot(OfferWordB b, uint256 slot) internal pure returns (uint256) {
        // slots are far above 48 and far below 2^255, so the sum is never negative and never overflows
        unchecked {
            return uint256(int256(slot) + int8(uint8(OfferWordB.unwrap(b) >> 168)));
        }
    }

    function firstDay(OfferWordB b) internal pure returns (uint256) {
        return uint16(OfferWordB.unwrap(b) >> 176);
    }

    function lastDay(OfferWordB b) internal pure returns (uint256) {
        return uint16(OfferWordB.unwrap(b) >> 192);
    }

    function minSlots(OfferWordB b) internal pure returns (uint256) {
        return uint16(OfferWordB.unwrap(b) >> 208);
    }

    function maxSlots(OfferWordB b) internal pure returns (uint256) {
        return uint16(OfferWordB.unwrap(b) >> 224);
    }

    function utcOffset(OfferWordB b) internal pure returns (int256) {
        return int8(uint8(OfferWordB.unwrap(b) >> 168));
    }

    function flags(OfferWordB b) internal pure returns (uint256) {
        return OfferWordB.unwrap(b) >> 240;
    }

    /// @notice The terms as their owner gave them.
    function unpack(OfferWordA a, OfferWordB b) internal pure returns (OfferTerms memory t) {
        t.pricePerSlot = a.pricePerSlot();
        t.pricePerKwh = a.pricePerKwh();
        t.overstayPct = a.overstayPct();
        t.reserveMinutes = a.reserveMinutes();
        t.minimumPct = a.minimumPct();
        t.freeCancelHours = a.freeCancelHours();
        t.noShowPct = a.noShowPct();
        t.cancelPct = a.cancelPct();
        t.hoursOfWeek = b.hoursOfWeek();
        t.utcOffset = b.utcOffset();
        t.firstDay = b.firstDay();
        t.lastDay = b.lastDay();
        t.minSlots = b.minSlots();
        t.maxSlots = b.maxSlots();
        t.flags = b.flags();
    }
}
