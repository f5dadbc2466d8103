// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Slots of 15 minutes since the Unix epoch, and the ids built on them
/// @dev Unchecked: times are the block's, slots come from an id or have been compared with the current one.
library Slots {
    uint256 internal constant SECONDS = 900;
    uint256 internal constant MAX_STAY = 672; // seven days
    uint256 internal constant MAX_AHEAD = 8640; // ninety days

    /// @notice The slot that holds `timestamp`.
    function current(uint256 timestamp) internal pure returns (uint256) {
        return timestamp / SECONDS;
    }

    /// @notice The first slot that starts at or after `timestamp`.
    function ceil(uint256 timestamp) internal pure returns (uint256) {
        unchecked {
            return (timestamp + SECONDS - 1) / SECONDS;
        }
    }

    function startOf(uint256 slot) internal pure returns (uint256) {
        unchecked {
            return slot * SECONDS;
        }
    }

    /// @notice Storage key of a lease: spaceId << 32 | startSlot.
    function key(uint256 spaceId, uint256 startSlot) internal pure returns (uint256) {
        return (spaceId << 32) | startSlot;
    }

    /// @notice leaseId = spaceId << 48 | startSlot << 16 | epoch.
    function leaseId(uint256 key_, uint256 epoch) internal pure returns (uint256) {
        return (key_ << 16) | epoch;
    }

    function spaceOf(uint256 leaseId_) internal pure returns (uint256) {
        return leaseId_ >> 48;
    }

    function startSlotOf(uint256 leaseId_) internal pure returns (uint256) {
        return (leaseId_ >> 16) & type(uint32).max;
    }
}
