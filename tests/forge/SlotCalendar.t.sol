// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SlotCalendar} from "../../contracts/libraries/SlotCalendar.sol";
import {Proof} from "./Vm.sol";

/// @title SlotCalendar, whatever is in it before: every space, every start, every length of a stay
contract SlotCalendarProof is Proof {
    using SlotCalendar for mapping(uint256 => uint256);

    struct Slot {
        uint64 space;
        uint32 at;
    }

    struct Stay {
        uint64 space;
        uint32 start;
        uint16 slots;
    }

    mapping(uint256 key => uint256) private _words;

    function setUp() external {
        svm.enableSymbolicStorage(address(this));
    }

    function check_booking_takes_exactly_its_slots(Stay memory stay, Slot memory slot) external {
        _assumeRange(stay);
        bool before = _isTaken(slot);
        bool refused = _book(stay);
        assert(_isTaken(slot) == (before || (!refused && _within(slot, stay))));
    }

    function check_a_stay_over_a_taken_slot_is_refused(
        Stay memory stay,
        Slot memory slot
    ) external {
        _assumeRange(stay);
        vm.assume(_within(slot, stay) && _isTaken(slot));
        assert(!_words.free(stay.space, stay.start, stay.slots));
        assert(_book(stay));
    }

    function check_a_stay_over_free_slots_is_never_refused(Stay memory stay) external {
        _assumeRange(stay);
        // see below: this frees those slots and no other, so that all else may hold anything
        _release(stay);
        assert(_words.free(stay.space, stay.start, stay.slots));
        assert(!_book(stay));
    }

    function check_releasing_frees_exactly_its_slots(Stay memory stay, Slot memory slot) external {
        _assumeRange(stay);
        bool before = _isTaken(slot);
        _release(stay);
        assert(_isTaken(slot) == (before && !_within(slot, stay)));
    }

    function check_booking_then_releasing_changes_nothing(
        Stay memory stay,
        Slot memory slot
    ) external {
        _assumeRange(stay);
        bool before = _isTaken(slot);
        if (!_book(stay)) _release(stay);
        assert(_isTaken(slot) == before);
    }

    function canary_no_stay_is_ever_refused(Stay memory stay) external {
        _assumeRange(stay);
        assert(!_book(stay));
    }

    function _assumeRange(Stay memory stay) private pure {
        vm.assume(stay.slots >= 1 && stay.slots <= 672);
        // slots have 32 bits: the last one begins in the year 124,000
        vm.assume(uint256(stay.start) + stay.slots <= 1 << 32);
    }

    function _book(Stay memory stay) private returns (bool refused) {
        return _words.book(stay.space, stay.start, stay.slots);
    }

    function _release(Stay memory stay) private {
        _words.release(stay.space, stay.start, stay.slots);
    }

    function _within(Slot memory slot, Stay memory stay) private pure returns (bool) {
        return
            slot.space == stay.space &&
            slot.at >= stay.start &&
            slot.at < uint256(stay.start) + stay.slots;
    }

    function _isTaken(Slot memory slot) private view returns (bool) {
        uint256 word = _words[(uint256(slot.space) << 24) | (slot.at >> 8)];
        return (word >> (slot.at & 255)) & 1 == 1;
    }
}
