// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Berth_OutOfRange} from "../interfaces/BerthErrors.sol";

/// @title Bounds of arguments, so that no packed field ever truncates
library Range {
    function atMost(bytes32 field, uint256 value, uint256 max) internal pure {
        if (value > max) revert Berth_OutOfRange(field, value, 0, max);
    }

    function between(bytes32 field, uint256 value, uint256 min, uint256 max) internal pure {
        if (value < min || value > max) revert Berth_OutOfRange(field, value, min, max);
    }
}
