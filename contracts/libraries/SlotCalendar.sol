// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A calendar of one bit a slot: 256 slots (64 hours) a word
/// @dev Word key = spaceId << 24 | startSlot >> 8: a space has its words to itself, whatever its id.
///      Cost does not grow with bookings: at most four words are touched for the longest stay.
///      Unchecked: callers pass slots of 32 bits and at most 672 of them.
library SlotCalendar {
    /// @notice Takes [startSlot, startSlot + slots) if every slot of it is free.
    /// @return taken true when at least one slot was not free; then nothing has changed
    function book(
        mapping(uint256 => uint256) storage words,
        uint256 spaceId,
        uint256 startSlot,
        uint256 slots
    ) internal returns (bool taken) {
        uint256 offset = startSlot & 255;
        if (offset + slots <= 256) {
            // the usual stay lies in one word
            uint256 at = _key(spaceId, startSlot);
            uint256 mask = _mask(offset, slots);
            uint256 word = words[at];
            if (word & mask != 0) return true;
            words[at] = word | mask;
            return false;
        }
        if (!free(words, spaceId, startSlot, slots)) return true;
        unchecked {
            uint256 end = startSlot + slots;
            while (startSlot < end) {
                uint256 count = _inWord(startSlot, end);
                words[_key(spaceId, startSlot)] |= _mask(startSlot & 255, count);
                startSlot += count;
            }
        }
    }

    /// @notice Gives [startSlot, startSlot + slots) back.
    function release(
        mapping(uint256 => uint256) storage words,
        uint256 spaceId,
        uint256 startSlot,
        uint256 slots
    ) internal {
        unchecked {
            uint256 offset = startSlot & 255;
            if (offset + slots <= 256) {
                words[_key(spaceId, startSlot)] &= ~_mask(offset, slots);
                return;
            }
            uint256 end = startSlot + slots;
            while (startSlot < end) {
                uint256 count = _inWord(startSlot, end);
                words[_key(spaceId, startSlot)] &= ~_mask(startSlot & 255, count);
                startSlot += count;
            }
        }
    }

    /// @notice Is every slot of [startSlot, startSlot + slots) free?
    function free(
        mapping(uint256 => uint256) storage words,
        uint256 spaceId,
        uint256 startSlot,
        uint256 slots
    ) internal view returns (bool) {
        unchecked {
            uint256 end = startSlot + slots;
            while (startSlot < end) {
                uint256 count = _inWord(startSlot, end);
                uint256 mask = _mask(startSlot & 255, count);
                if (words[_key(spaceId, startSlot)] & mask != 0) return false;
                startSlot += count;
            }
            return true;
        }
    }

    /// @dev `count` ones from bit `from`; from + count <= 256, so a count of 256 means from = 0.
    function _mask(uint256 from, uint256 count) private pure returns (uint256) {
        unchecked {
            // a shift by 256 gives 0, and 0 - 1 is all ones
            return ((1 << count) - 1) << from;
        }
    }

    function _inWord(uint256 startSlot, uint256 end) private pure returns (uint256) {
        unchecked {
            uint256 room = 256 - (startSlot & 255);
            uint256 wanted = end - startSlot;
            return wanted < room ? wanted : room;
        }
    }

    function _key(uint256 spaceId, uint256 slot) private pure returns (uint256) {
        return (spaceId << 24) | (slot >> 8);
    }
}
