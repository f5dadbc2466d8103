// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IMarketCore} from "../interfaces/IMarketCore.sol";
import {Permit} from "../interfaces/BerthTypes.sol";
import {Berth_BadAccount} from "../interfaces/BerthErrors.sol";
import {Range} from "../libraries/Range.sol";
import {Escrow} from "./Escrow.sol";

/// @title Money in and out by an account's own hand
abstract contract Funds is IMarketCore, Escrow {
    /// @inheritdoc IMarketCore
    function deposit(uint256 amount) external {
        _deposit(_sender(), amount);
    }

    /// @inheritdoc IMarketCore
    function depositFor(address account, uint256 amount) external {
        // credit of the market could never leave; anybody could speak for the forwarder
        if (account == address(0) || account == address(this) || account == trustedForwarder) {
            revert Berth_BadAccount("account", account);
        }
        _deposit(account, amount);
    }

    /// @inheritdoc IMarketCore
    function depositWithPermit(uint256 amount, Permit calldata permit) external {
        address account = _sender();
        _permit(account, permit);
        _deposit(account, amount);
    }

    /// @inheritdoc IMarketCore
    function withdraw(address to, uint256 amount) external {
        Range.between("amount", amount, 1, type(uint128).max);
        // Effect: the credit goes first; the raw sender, so no forwarder can move money out
        _debit(msg.sender, amount);
        emit Withdrawn(msg.sender, to, amount);
        _push(to, amount);
    }

    /// @inheritdoc IMarketCore
    function creditOf(address account) external view returns (uint256) {
        return uint128(_accounts[account]);
    }

    /// @dev Interaction, before any effect. Whoever saw the permit may have spent it first; then the allowance is
    ///      there already, and if it is not, the transfer says so.
    function _permit(address account, Permit calldata p) internal {
        Range.atMost("permit.v", p.v, type(uint8).max);
        try
            IERC20Permit(address(_asset)).permit(
                account,
                address(this),
                p.amount,
                p.deadline,
                uint8(p.v),
                p.r,
                p.s
            )
        {} catch {}
    }

    function _deposit(address account, uint256 amount) private {
        Range.between("amount", amount, 1, type(uint128).max);
        _credit(account, amount);
        address from = _sender();
        emit Deposited(account, from, amount);
        _pull(from, amount);
    }
}
