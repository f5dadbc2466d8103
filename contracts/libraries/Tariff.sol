// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {OfferWordA} from "./OfferWord.sol";

/// @notice What a stay costs: minor units of the asset.
struct Bill {
    uint256 rent;
    uint256 overstay;
    uint256 energy;
    uint256 fee;
}

/// @title Prices of a stay, pure functions of the offer's word A
/// @dev Unchecked throughout: prices have 80 bits, percents, minutes and slots at most 16, so that no product
///      comes near 2^256, and each subtraction is behind its comparison.
///      All divisions floor. Every term of a bill is at most its term of the deposit, so that
///      rent + overstay + energy <= deposit holds without a clamp. Largest deposit:
///      2^80 * 672 + 2^80 * 1000 * 1440 / 1500 + 2^80 * 255 < 2^91.
library Tariff {
    uint256 internal constant GRACE_MINUTES = 5;

    /// @notice The most that a lease can cost, taken into escrow.
    function deposit(OfferWordA a, uint256 slots, uint256 kwhCap) internal pure returns (uint256) {
        unchecked {
            uint256 price = a.pricePerSlot();
            return
                price * slots +
                (price * a.overstayPct() * a.reserveMinutes()) / 1500 +
                a.pricePerKwh() * kwhCap;
        }
    }

    /// @notice The bill of a stay by the lock's record.
    /// @param slots booked slots
    /// @param arrivedMinute minute of arrival from the start, 0 to 15 slots
    /// @param untilMinute minute of departure from the start, 0 to 15 slots + 5 + reserve
    /// @param energyUsed units of 100 Wh
    function bill(
        OfferWordA a,
        uint256 slots,
        uint256 arrivedMinute,
        uint256 untilMinute,
        uint256 energyUsed
    ) internal pure returns (Bill memory b) {
        unchecked {
            uint256 booked = 15 * slots;
            uint256 price = a.pricePerSlot();
            b.rent = (price * billedMinutes(a, booked, arrivedMinute, untilMinute)) / 15;
            b.overstay = (price * a.overstayPct() * overMinutes(a, booked, untilMinute)) / 1500;
            b.energy = (a.pricePerKwh() * energyUsed) / 10;
            b.fee = fee(a, b.rent + b.overstay + b.energy);
        }
    }

    /// @notice The bill of the booked rent alone.
    function bookedRent(OfferWordA a, uint256 slots) internal pure returns (Bill memory) {
        return charge(a, partOfRent(a, slots, 100));
    }

    /// @notice Part of the booked rent: what a late cancellation or a no-show costs.
    function partOfRent(
        OfferWordA a,
        uint256 slots,
        uint256 percent
    ) internal pure returns (uint256) {
        unchecked {
            return (a.pricePerSlot() * slots * percent) / 100;
        }
    }

    /// @notice The bill of one sum: a charge, an award, an agreement; kept as rent.
    function charge(OfferWordA a, uint256 cost) internal pure returns (Bill memory b) {
        b.rent = cost;
        b.fee = fee(a, cost);
    }

    /// @notice The bill of a disputed claim that nobody decided: overstay halved.
    function lapsed(OfferWordA a, Bill memory claimed) internal pure returns (Bill memory b) {
        unchecked {
            b.rent = claimed.rent;
            b.overstay = claimed.overstay / 2;
            b.energy = claimed.energy;
            b.fee = fee(a, b.rent + b.overstay + b.energy);
        }
    }

    function fee(OfferWordA a, uint256 cost) internal pure returns (uint256) {
        unchecked {
            return (cost * a.feeBps()) / 10_000;
        }
    }

    /// @notice Minutes of rent: those stayed, at least the offer's minimum and 15, at most those booked.
    function billedMinutes(
        OfferWordA a,
        uint256 booked,
        uint256 arrivedMinute,
        uint256 untilMinute
    ) internal pure returns (uint256) {
        unchecked {
            uint256 last = _min(untilMinute, booked);
            uint256 stayed = last > arrivedMinute ? last - arrivedMinute : 0;
            uint256 minimum = (booked * a.minimumPct() + 99) / 100;
            return _min(booked, _max(_max(stayed, minimum), 15));
        }
    }

    /// @notice Minutes of overstay: beyond the booked end and the grace, at most the reserve.
    function overMinutes(
        OfferWordA a,
        uint256 booked,
        uint256 untilMinute
    ) internal pure returns (uint256) {
        unchecked {
            uint256 due = booked + GRACE_MINUTES;
            return untilMinute > due ? _min(a.reserveMinutes(), untilMinute - due) : 0;
        }
    }

    function _min(uint256 x, uint256 y) private pure returns (uint256) {
        return x < y ? x : y;
    }

    function _max(uint256 x, uint256 y) private pure returns (uint256) {
        return x > y ? x : y;
    }
}
