// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Word 0, low to high: owner 160 | first live offer 16 | last offer 16 | since 16 | validDay 16 | cell 32.
// `since` = number of the first offer of the present owner; 1 until a space changes hands.
type SpaceWord0 is uint256;
// Word 1, low to high: lock key 160 | height cm 16 | width cm 16 | length cm 16 | connectors 8 |
// power in 100 W 16 | device maker 8.
type SpaceWord1 is uint256;

using SpaceWord for SpaceWord0 global;
using SpaceWord for SpaceWord1 global;

/// @title The words of a registered space
/// @dev Callers have checked the ranges of what they pack.
library SpaceWord {
    function pack0(
        address owner_,
        uint256 validDay_,
        uint256 cell_
    ) internal pure returns (SpaceWord0) {
        // first live offer = 1 and last offer = 0: no offer is live
        return
            SpaceWord0.wrap(
                uint256(uint160(owner_)) |
                    (1 << 160) |
                    (1 << 192) |
                    (validDay_ << 208) |
                    (cell_ << 224)
            );
    }

    /// @param dimensions height | width | length, 16 bits each, low to high
    function pack1(
        address key,
        uint256 dimensions,
        uint256 connectors,
        uint256 power,
        uint256 maker
    ) internal pure returns (SpaceWord1) {
        return
            SpaceWord1.wrap(
                uint256(uint160(key)) |
                    (dimensions << 160) |
                    (connectors << 208) |
                    (power << 216) |
                    (maker << 232)
            );
    }

    function owner(SpaceWord0 w) internal pure returns (address) {
        return address(uint160(SpaceWord0.unwrap(w)));
    }

    function firstLive(SpaceWord0 w) internal pure returns (uint256) {
        return uint16(SpaceWord0.unwrap(w) >> 160);
    }

    function lastOffer(SpaceWord0 w) internal pure returns (uint256) {
        return uint16(SpaceWord0.unwrap(w) >> 176);
    }

    function validDay(SpaceWord0 w) internal pure returns (uint256) {
        return uint16(SpaceWord0.unwrap(w) >> 208);
    }

    function cell(SpaceWord0 w) internal pure returns (uint32) {
        return uint32(SpaceWord0.unwrap(w) >> 224);
    }

    /// @notice The word with one more offer; the caller has checked that there is room.
    function withNextOffer(SpaceWord0 w) internal pure returns (SpaceWord0) {
        return SpaceWord0.wrap(SpaceWord0.unwrap(w) + (1 << 176));
    }

    function lockKey(SpaceWord1 w) internal pure returns (address) {
        return address(uint160(SpaceWord1.unwrap(w)));
    }
}
