// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Reasons} from "./Reasons.sol";

/// @title A title's attributes: kind 8 | sharing allowed 1 | height cm 16 | width cm 16 | length cm 16
/// @dev Kinds: 1 on-street bay, 2 open lot, 3 garage, 4 mechanical, 5 driveway. Height 0 = open air.
library TitleAttributes {
    /// @notice Why attributes are not fit for sharing: bits of `Reasons`.
    function reasons(uint256 a) internal pure returns (uint256 r) {
        uint256 kind = a & 0xff;
        if (kind == 0 || kind > 5) r |= Reasons.KIND_UNKNOWN;
        if ((a >> 8) & 1 == 0) r |= Reasons.SHARING_NOT_ALLOWED;
        uint256 height = (a >> 9) & 0xffff;
        uint256 width = (a >> 25) & 0xffff;
        uint256 length = (a >> 41) & 0xffff;
        bool sane =
            (height == 0 || _within(height, 150, 1000)) &&
                _within(width, 150, 1000) &&
                _within(length, 300, 2500) &&
                a >> 57 == 0;
        if (!sane) r |= Reasons.DIMENSIONS_OUT_OF_RANGE;
    }

    /// @notice height | width | length, 16 bits each, low to high
    function dimensions(uint256 a) internal pure returns (uint256) {
        return uint48(a >> 9);
    }

    function _within(uint256 value, uint256 min, uint256 max) private pure returns (bool) {
        return value >= min && value <= max;
    }
}
