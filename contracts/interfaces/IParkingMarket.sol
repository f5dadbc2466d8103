// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketCore} from "./IMarketCore.sol";
import {IMarketEvents} from "./IMarketEvents.sol";
import {IMarketExtension} from "./IMarketExtension.sol";

/// @title One market of parking leases in one currency
/// @notice Trust: a city's authority for titles; verifiers for the identity of owners and vehicles; a lock's
///         key for rent and bought energy, never alone for overstay; the arbiter for disputed leases, up to
///         their deposit; the admin (a timelock) for attesters, the arbiter and the fee of *later* offers.
///         Nobody has power over the credit or escrow of anybody else.
interface IParkingMarket is IMarketCore, IMarketExtension, IMarketEvents {}
