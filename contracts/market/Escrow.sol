// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IMarketEvents} from "../interfaces/IMarketEvents.sol";
import {
    Berth_BadAccount,
    Berth_CreditTooLow,
    Berth_TokenAmount
} from "../interfaces/BerthErrors.sol";
import {Range} from "../libraries/Range.sol";
import {Sender} from "./Sender.sol";

/// @title Credits of accounts and the one door for the asset, in and out
/// @dev Tokens owed = credits + deposits of open leases + fees. Effects come before the token is called, and
///      the balance must change by exactly the amount asked for, so neither a hook nor a fee on transfer
///      can leave the market short.
abstract contract Escrow is IMarketEvents, Sender {
    using SafeERC20 for IERC20;

    uint256 internal constant AUTO_PAYOUT = 1 << 128;
    uint256 private constant USED = 1 << 129;

    IERC20 internal immutable _asset;

    // Low to high: credit 128 | auto-payout 1 | used 1. The last bit is set with the
    // first credit and stays, so that a refund to somebody who leases again is not charged as a fresh word.
    mapping(address account => uint256) internal _accounts;

    constructor(address asset_) {
        if (asset_ == address(0)) revert Berth_BadAccount("asset", asset_);
        _asset = IERC20(asset_);
    }

    function _credit(address account, uint256 amount) internal {
        uint256 word = _accounts[account];
        unchecked {
            // both are below 2^128. The sum is compared, because a token's supply is not ours to trust; then
            // adding to the word carries into no other field
            Range.atMost("credit", uint128(word) + amount, type(uint128).max);
            _accounts[account] = (word + amount) | USED;
        }
    }

    function _debit(address account, uint256 amount) internal {
        uint256 word = _accounts[account];
        if (uint128(word) < amount) revert Berth_CreditTooLow(account, uint128(word), amount);
        unchecked {
            _accounts[account] = word - amount;
        }
    }

    /// @notice Takes `amount` for escrow: from credit first, the rest from the account's token balance.
    /// @dev Interaction: calls the token; all other effects must have happened before.
    /// @return pulled part taken from the token balance
    function _escrow(address account, uint256 amount) internal returns (uint256 pulled) {
        uint256 word = _accounts[account];
        uint256 credit = uint128(word);
        unchecked {
            if (credit >= amount) {
                _accounts[account] = word - amount;
                return 0;
            }
            if (credit != 0) _accounts[account] = word - credit;
            pulled = amount - credit;
        }
        _pull(account, pulled);
    }

    /// @dev Interaction. The market's balance must fall by exactly `amount`.
    function _push(address to, uint256 amount) internal {
        if (to == address(0) || to == address(this)) revert Berth_BadAccount("to", to);
        uint256 before = _asset.balanceOf(address(this));
        _asset.safeTransfer(to, amount);
        uint256 left = _asset.balanceOf(address(this));
        if (left + amount != before)
            revert Berth_TokenAmount(amount, before > left ? before - left : 0);
    }

    /// @dev Interaction. The market's balance must rise by exactly `amount`.
    function _pull(address from, uint256 amount) internal {
        uint256 before = _asset.balanceOf(address(this));
        _asset.safeTransferFrom(from, address(this), amount);
        uint256 now_ = _asset.balanceOf(address(this));
        if (now_ != before + amount)
            revert Berth_TokenAmount(amount, now_ > before ? now_ - before : 0);
    }
}
