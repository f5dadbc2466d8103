// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {WeeklyHours} from "../../contracts/libraries/WeeklyHours.sol";
import {Proof} from "./Vm.sol";

/// @title WeeklyHours against its meaning: an hour of the week is touched when a slot of the stay lies in it
/// @dev The meaning is proven for every start of one week. That every other week is like it follows from the formula
///      W1, proven for every start, by the lemma of hours in scripts/analysis/lemmas.py: remainders of 168
///      of a number of 32 bits are beyond the solver.
contract WeeklyHoursProof is Proof {
    uint256 private constant THURSDAY = 72; // 1970-01-01, in hours from Monday 00:00
    uint256 private constant WEEK = 168;

    function check_the_hour_of_every_slot_is_touched(
        uint32 start,
        uint16 slots,
        uint32 slot
    ) external pure {
        _assumeRange(start, slots);
        vm.assume(slot >= start && slot < uint256(start) + slots);
        assert(_isTouched(start, slots, (uint256(slot) / 4 + THURSDAY) % WEEK));
    }

    function check_every_touched_hour_has_a_slot(
        uint32 start,
        uint16 slots,
        uint8 hour
    ) external pure {
        _assumeRange(start, slots);
        vm.assume(hour < WEEK && _isTouched(start, slots, hour));
        // the first hour from the start on with that place in its week, and the first slot of the stay in it
        uint256 first = uint256(start) / 4;
        uint256 at = first + ((hour + WEEK - ((first + THURSDAY) % WEEK)) % WEEK);
        uint256 slot = at == first ? start : 4 * at;
        assert((slot / 4 + THURSDAY) % WEEK == hour);
        assert(slot >= start && slot < uint256(start) + slots);
    }

    function check_no_bit_outside_the_week(uint32 start, uint16 slots) external pure {
        _assumeRange(start, slots);
        assert(WeeklyHours.touched(start, uint256(start) + slots) >> WEEK == 0);
    }

    /// W1 count = (end + 3) / 4 - start / 4 hours, one after the other around the week, from (start / 4 + 72) % 168
    function check_touched_is_w1(uint32 start, uint16 slots) external pure {
        vm.assume(slots >= 1 && slots <= 672);
        uint256 end = uint256(start) + slots;
        uint256 first = (uint256(start) / 4 + THURSDAY) % WEEK;
        uint256 count = (end + 3) / 4 - uint256(start) / 4;
        uint256 week = (1 << WEEK) - 1;
        uint256 ones = (1 << count) - 1;
        uint256 wanted = count >= WEEK ? week : ((ones << first) | (ones >> (WEEK - first))) & week;
        assert(WeeklyHours.touched(start, end) == wanted);
    }

    function canary_monday_midnight_is_never_touched(uint32 start, uint16 slots) external pure {
        _assumeRange(start, slots);
        assert(!_isTouched(start, slots, 0));
    }

    function _assumeRange(uint32 start, uint16 slots) private pure {
        vm.assume(slots >= 1 && slots <= 672);
        vm.assume(start < 4 * WEEK);
    }

    function _isTouched(uint32 start, uint16 slots, uint256 hour) private pure returns (bool) {
        return (WeeklyHours.touched(start, uint256(start) + slots) >> hour) & 1 == 1;
    }
}
