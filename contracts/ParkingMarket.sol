// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IMarketCore} from "./interfaces/IMarketCore.sol";
import {Berth_BadAccount, Berth_ExtensionMismatch} from "./interfaces/BerthErrors.sol";
import {OfferWord} from "./libraries/OfferWord.sol";
import {Range} from "./libraries/Range.sol";
import {Closing} from "./market/Closing.sol";
import {Escrow} from "./market/Escrow.sol";
import {Evidence} from "./market/Evidence.sol";
import {Leasing} from "./market/Leasing.sol";
import {Publishing} from "./market/Publishing.sol";
import {Registration} from "./market/Registration.sol";
import {Sender} from "./market/Sender.sol";
import {Spaces} from "./market/Spaces.sol";
import {MarketExtension} from "./MarketExtension.sol";

/// @title The market of one currency, put together
/// @notice Read `IParkingMarket` first. Immutable: a new version is a new deployment beside this one.
/// @dev One contract would be larger than a contract may be. The verbs of `IMarketExtension` are served by code at
///      an address fixed for good, on this contract's storage; both parts inherit the same storage.
contract ParkingMarket is Registration, Publishing, Leasing, Evidence, Closing {
    /// @inheritdoc IMarketCore
    address public immutable extension;

    /// @param admin a timelock; it alone names attesters and the arbiter and sets the fee of later offers
    /// @param guardian may pause new business for seven days at a time and revoke an attester at once
    constructor(
        address titles_,
        address asset_,
        address forwarder,
        MarketExtension extension_,
        address admin,
        address guardian,
        uint256 feeBps
    ) EIP712("Berth Parking Market", "1") Sender(forwarder) Escrow(asset_) Spaces(titles_) {
        if (
            extension_.titles() != titles_ ||
            extension_.asset() != asset_ ||
            extension_.trustedForwarder() != forwarder
        ) revert Berth_ExtensionMismatch(address(extension_));
        extension = address(extension_);

        if (admin == address(0)) revert Berth_BadAccount("admin", admin);
        Range.atMost("feeBps", feeBps, OfferWord.MAX_FEE_BPS);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        if (guardian != address(0)) _grantRole(_GUARDIAN, guardian);
        _config.feeBps = uint16(feeBps);
        emit FeeSet(uint16(feeBps));
    }

    /// @notice Every verb that is not here: the extension's code, this contract's storage, the caller's answer.
    // solhint-disable-next-line no-complex-fallback
    fallback() external {
        address code = extension;
        assembly ("memory-safe") {
            let at := mload(0x40)
            calldatacopy(at, 0, calldatasize())
            let done := delegatecall(gas(), code, at, calldatasize(), 0, 0)
            returndatacopy(at, 0, returndatasize())
            if done {
                return(at, returndatasize())
            }
            revert(at, returndatasize())
        }
    }
}
