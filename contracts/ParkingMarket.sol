// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Berth_BadAccount} from "./interfaces/BerthErrors.sol";
import {OfferWord} from "./libraries/OfferWord.sol";
import {Range} from "./libraries/Range.sol";
import {Escrow} from "./market/Escrow.sol";
import {Evidence} from "./market/Evidence.sol";
import {Sender} from "./market/Sender.sol";
import {Spaces} from "./market/Spaces.sol";

/// @title The market of one currency, put together
/// @notice Read `IParkingMarket` first. Immutable: a new version is a new deployment beside this one.
contract ParkingMarket is Evidence {
    /// @param admin a timelock; it alone names attesters and sets the fee of later offers
    /// @param guardian may pause new business for seven days at a time and revoke an attester at once
    constructor(
        address titles_,
        address asset_,
        address forwarder,
        address admin,
        address guardian,
        uint256 feeBps
    ) EIP712("Berth Parking Market", "1") Sender(forwarder) Escrow(asset_) Spaces(titles_) {
        if (admin == address(0)) revert Berth_BadAccount("admin", admin);
        Range.atMost("feeBps", feeBps, OfferWord.MAX_FEE_BPS);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        if (guardian != address(0)) _grantRole(GUARDIAN_ROLE, guardian);
        _config.feeBps = uint16(feeBps);
        emit FeeSet(uint16(feeBps));
    }
}
