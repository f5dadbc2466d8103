// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Hours of a week as 168 bits, bit 0 = Monday 00:00 to 01:00 local time
/// @dev An offset in quarter hours is an offset in slots, so local time needs no seconds.
library WeeklyHours {
    uint256 internal constant ALL = (1 << 168) - 1;

    /// @notice The hours of the week that [localStart, localEnd) touches; both in slots of local time.
    function touched(uint256 localStart, uint256 localEnd) internal pure returns (uint256) {
        // unchecked: localStart <= localEnd, and both are far from the end of the number range
        unchecked {
            uint256 firstHour = localStart / 4;
            uint256 count = (localEnd + 3) / 4 - firstHour;
            if (count >= 168) return ALL;
            // 1970-01-01 was a Thursday: hour 72 of its week
            uint256 h = (firstHour + 72) % 168;
            uint256 ones = (1 << count) - 1;
            return ((ones << h) | (ones >> (168 - h))) & ALL;
        }
    }
}
