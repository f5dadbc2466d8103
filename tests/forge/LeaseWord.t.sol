// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LeaseView} from "../../contracts/interfaces/BerthTypes.sol";
import {LeaseWord, LeaseWordLib} from "../../contracts/libraries/LeaseWord.sol";
import {Proof} from "./Vm.sol";

/// @title LeaseWord: what is written comes out again, and nothing else moves
contract LeaseWordProof is Proof {
    struct Booking {
        address driver;
        uint16 slots;
        uint16 offer;
        uint16 epoch;
        uint8 kwhCap;
    }

    function check_a_new_lease_unpacks_to_what_was_packed(Booking memory b) external pure {
        LeaseView memory v = _pack(b).unpack();
        assert(v.driver == b.driver && v.slots == b.slots && v.offer == b.offer);
        assert(v.epoch == b.epoch && v.kwhCap == b.kwhCap);
        assert(v.state == LeaseWordLib.BOOKED && !v.disputed && !v.noShow);
        assert(v.arrived == 0 && v.until == 0 && v.energyUsed == 0);
    }

    function check_every_bit_of_a_word_has_one_field(uint256 bits) external pure {
        LeaseWord w = LeaseWord.wrap(bits);
        LeaseView memory v = w.unpack();
        uint256 again =
            uint256(uint160(v.driver)) |
                (uint256(v.state) << 160) |
                (v.disputed ? 1 << 163 : 0) |
                (uint256(v.slots) << 164) |
                (uint256(v.offer) << 174) |
                (uint256(v.epoch) << 190) |
                (uint256(v.kwhCap) << 206) |
                (uint256(v.arrived) << 214) |
                (uint256(v.until) << 228) |
                (uint256(v.energyUsed) << 242) |
                (v.noShow ? 1 << 254 : 0);
        // the highest bit belongs to nobody
        assert(again == bits & ~(uint256(1) << 255));
    }

    function check_state_changes_alone(uint256 bits, uint8 state) external pure {
        vm.assume(state <= 7);
        LeaseWord w = LeaseWord.wrap(bits).withState(state);
        assert(w.state() == state);
        assert((LeaseWord.unwrap(w) ^ bits) & ~(uint256(7) << 160) == 0);
    }

    function check_marks_change_alone(uint256 bits) external pure {
        LeaseWord w = LeaseWord.wrap(bits);
        assert(w.withDispute().disputed() && w.withNoShow().noShow());
        assert(LeaseWord.unwrap(w.withDispute()) == bits | (1 << 163));
        assert(LeaseWord.unwrap(w.withNoShow()) == bits | (1 << 254));
    }

    /// An arrival is written once, a departure once, as the market does.
    function check_evidence_comes_out_again_and_changes_nothing_else(
        uint256 bits,
        uint16 arrived,
        uint16 until,
        uint16 energyUsed
    ) external pure {
        LeaseWord w = LeaseWord.wrap(bits);
        vm.assume(w.arrived() == 0 && w.until() == 0 && w.energyUsed() == 0);
        vm.assume(arrived <= 15 * 672 + 1 && until <= 15 * 672 + 5 + 1440 && energyUsed <= 2550);
        w = w.withArrival(arrived).withDeparture(until, energyUsed);
        assert(w.arrived() == arrived && w.until() == until && w.energyUsed() == energyUsed);
        // bits 214 to 253
        assert((LeaseWord.unwrap(w) ^ bits) & ~(((uint256(1) << 40) - 1) << 214) == 0);
    }

    function check_more_slots_and_energy_change_nothing_else(
        Booking memory b,
        uint16 slots,
        uint8 kwh
    ) external pure {
        vm.assume(uint256(b.slots) + slots <= 672 && uint256(b.kwhCap) + kwh <= 255);
        LeaseWord w = _pack(b);
        LeaseWord more = w.withMore(slots, kwh);
        assert(
            more.slots() == uint256(b.slots) + slots && more.kwhCap() == uint256(b.kwhCap) + kwh
        );
        uint256 fields = (uint256(1023) << 164) | (uint256(255) << 206);
        assert((LeaseWord.unwrap(more) ^ LeaseWord.unwrap(w)) & ~fields == 0);
    }

    function canary_state_is_never_claimed(uint256 bits) external pure {
        assert(LeaseWord.wrap(bits).state() != LeaseWordLib.CLAIMED);
    }

    function _pack(Booking memory b) private pure returns (LeaseWord) {
        vm.assume(b.slots <= 672);
        return LeaseWordLib.pack(b.driver, b.slots, b.offer, b.epoch, b.kwhCap);
    }
}
