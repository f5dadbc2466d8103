// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketExtension} from "../interfaces/IMarketExtension.sol";
import {Berth_PayoutNotWanted} from "../interfaces/BerthErrors.sol";
import {Range} from "../libraries/Range.sol";
import {Escrow} from "./Escrow.sol";

/// @title Payouts that anybody may set off, for accounts that asked for them
/// @dev Opt-in, because a third party could otherwise drain a driver's credit just before a lease.
abstract contract Payouts is IMarketExtension, Escrow {
    uint256 private constant MAX_BATCH = 100;

    /// @inheritdoc IMarketExtension
    function setAutoPayout(bool enabled) external {
        address account = _sender();
        uint256 word = _accounts[account];
        _accounts[account] = enabled ? word | AUTO_PAYOUT : word & ~AUTO_PAYOUT;
        emit AutoPayoutSet(account, enabled);
    }

    /// @inheritdoc IMarketExtension
    function payout(address account) external {
        uint256 word = _accounts[account];
        if (word & AUTO_PAYOUT == 0) revert Berth_PayoutNotWanted(account);
        uint256 amount = uint128(word);
        Range.between("credit", amount, 1, type(uint128).max);
        _debit(account, amount);
        emit Withdrawn(account, account, amount);
        _push(account, amount);
    }

    /// @inheritdoc IMarketExtension
    function payoutBatch(address[] calldata accounts) external {
        Range.between("accounts", accounts.length, 1, MAX_BATCH);
        for (uint256 i = 0; i < accounts.length; ++i) {
            // a call of its own, so that a token that refuses one account stops no other; what it returns is not
            // copied
            try IMarketExtension(address(this)).payout(accounts[i]) {} catch {
                emit PayoutFailed(accounts[i]);
            }
        }
    }

    /// @inheritdoc IMarketExtension
    function autoPayoutOf(address account) external view returns (bool) {
        return _accounts[account] & AUTO_PAYOUT != 0;
    }

    /// @inheritdoc IMarketExtension
    function asset() external view returns (address) {
        return address(_asset);
    }
}
