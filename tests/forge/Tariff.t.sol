// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {OfferWordA} from "../../contracts/libraries/OfferWord.sol";
import {Bill, Tariff} from "../../contracts/libraries/Tariff.sol";
import {Proof} from "./Vm.sol";

struct Stay {
    uint256 terms;
    uint16 slots;
    uint8 kwhCap;
    uint16 arrived;
    uint16 until;
    uint16 energyUsed;
}

/// @title Terms and stays in the ranges that the contracts let through
abstract contract TariffInput is Proof {
    /// @dev A word A of any bits whose fields are in the range that OfferWord.pack allows.
    function _terms(Stay memory s) internal pure returns (OfferWordA a) {
        a = OfferWordA.wrap(s.terms);
        vm.assume(a.feeBps() <= 1000);
        vm.assume(a.overstayPct() >= 100 && a.overstayPct() <= 1000);
        vm.assume(a.reserveMinutes() <= 1440);
        vm.assume(a.minimumPct() <= 100);
        vm.assume(s.slots >= 1 && s.slots <= 672);
        vm.assume(s.arrived <= 15 * 672);
        vm.assume(s.until <= 15 * 672 + 5 + 1440);
        vm.assume(s.energyUsed <= 10 * uint256(s.kwhCap));
    }
}

/// @title The formulas of Tariff, over the whole range of every field
/// @dev With tests/analysis/lemmas.py these are the proof that a bill never exceeds its deposit: here, that the
///      compiled code computes the formulas F1 to F6 from minutes within their bounds; there, over the integers,
///      what follows from them, and that no product reaches 2^256. Bit by bit, products of 80 and 20 bits are
///      beyond the solvers; as formulas they are not.
contract TariffFormulaProof is TariffInput {
    function check_billed_minutes_are_at_least_a_slot_and_at_most_those_booked(
        Stay memory s
    ) external pure {
        OfferWordA a = _terms(s);
        uint256 booked = 15 * uint256(s.slots);
        uint256 minutes_ = Tariff.billedMinutes(a, booked, s.arrived, s.until);
        assert(minutes_ >= 15 && minutes_ <= booked);
    }

    function check_overstay_minutes_are_at_most_the_reserve(Stay memory s) external pure {
        OfferWordA a = _terms(s);
        uint256 minutes_ = Tariff.overMinutes(a, 15 * uint256(s.slots), s.until);
        assert(minutes_ <= a.reserveMinutes());
        // and none within the booked time and the grace
        assert(minutes_ == 0 || s.until > 15 * uint256(s.slots) + 5);
    }

    function check_prices_have_80_bits(Stay memory s) external pure {
        OfferWordA a = _terms(s);
        assert(a.pricePerSlot() < 1 << 80 && a.pricePerKwh() < 1 << 80);
    }

    /// F1 deposit = price * slots + price * pct * reserve / 1500 + kWh price * cap
    function check_deposit_is_f1(Stay memory s) external pure {
        OfferWordA a = _terms(s);
        unchecked {
            assert(
                Tariff.deposit(a, s.slots, s.kwhCap) ==
                    a.pricePerSlot() * s.slots +
                        (a.pricePerSlot() * a.overstayPct() * a.reserveMinutes()) / 1500 +
                        a.pricePerKwh() * s.kwhCap
            );
        }
    }

    /// F2 rent = price * minutes / 15, F3 overstay = price * pct * minutes / 1500, F4 energy = price * used / 10,
    /// F5 fee = (rent + overstay + energy) * bps / 10000
    function check_bill_is_f2_to_f5(Stay memory s) external pure {
        OfferWordA a = _terms(s);
        uint256 booked = 15 * uint256(s.slots);
        Bill memory b = Tariff.bill(a, s.slots, s.arrived, s.until, s.energyUsed);
        unchecked {
            uint256 minutes_ = Tariff.billedMinutes(a, booked, s.arrived, s.until);
            assert(b.rent == (a.pricePerSlot() * minutes_) / 15);
            minutes_ = Tariff.overMinutes(a, booked, s.until);
            assert(b.overstay == (a.pricePerSlot() * a.overstayPct() * minutes_) / 1500);
            assert(b.energy == (a.pricePerKwh() * s.energyUsed) / 10);
            assert(b.fee == ((b.rent + b.overstay + b.energy) * a.feeBps()) / 10_000);
        }
    }

    /// F6 part of the rent = price * slots * percent / 100; a charge is that sum with its fee
    function check_charge_is_f6(Stay memory s, uint8 percent) external pure {
        OfferWordA a = _terms(s);
        vm.assume(percent <= 100);
        unchecked {
            uint256 part = Tariff.partOfRent(a, s.slots, percent);
            assert(part == (a.pricePerSlot() * s.slots * percent) / 100);
            Bill memory b = Tariff.charge(a, part);
            assert(b.rent == part && b.overstay == 0 && b.energy == 0);
            assert(b.fee == (part * a.feeBps()) / 10_000);
        }
    }

    function check_lapsed_halves_the_overstay_and_nothing_else(
        Stay memory s,
        uint96 rent,
        uint96 overstay,
        uint96 energy
    ) external pure {
        OfferWordA a = _terms(s);
        Bill memory b = Tariff.lapsed(a, Bill(rent, overstay, energy, 0));
        assert(b.rent == rent && b.overstay == overstay / 2 && b.energy == energy);
        unchecked {
            assert(b.fee == ((b.rent + b.overstay + b.energy) * a.feeBps()) / 10_000);
        }
    }

    function canary_overstay_is_never_billed(Stay memory s) external pure {
        OfferWordA a = _terms(s);
        assert(Tariff.overMinutes(a, 15 * uint256(s.slots), s.until) == 0);
    }
}
