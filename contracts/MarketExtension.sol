// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Administration} from "./market/Administration.sol";
import {Disputes} from "./market/Disputes.sol";
import {Escrow} from "./market/Escrow.sol";
import {Extending} from "./market/Extending.sol";
import {OwnersTime} from "./market/OwnersTime.sol";
import {Payouts} from "./market/Payouts.sol";
import {Reads} from "./market/Reads.sol";
import {Sender} from "./market/Sender.sol";
import {Spaces} from "./market/Spaces.sol";
import {Stewardship} from "./market/Stewardship.sol";

/// @title The rarer verbs of `ParkingMarket`, which calls them on its own storage
/// @dev Not to be called by itself: it has no roles, no spaces and takes no tokens, so there is nothing that it
///      could do. Both parts inherit the same storage (`Leases`) before their verbs, which have none.
contract MarketExtension is
    Stewardship,
    Extending,
    OwnersTime,
    Disputes,
    Payouts,
    Administration,
    Reads
{
    constructor(
        address titles_,
        address asset_,
        address forwarder
    ) EIP712("Berth Parking Market", "1") Sender(forwarder) Escrow(asset_) Spaces(titles_) {}
}
