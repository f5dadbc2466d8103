// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title The admin of every Berth contract: whatever it does is announced `minDelay` before
contract BerthTimelock is TimelockController {
    /// @dev No outside admin: only the timelock itself, with its own delay, can change its roles.
    constructor(
        uint256 minDelay,
        address[] memory proposers,
        address[] memory executors
    ) TimelockController(minDelay, proposers, executors, address(0)) {}
}
