// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketExtension} from "../interfaces/IMarketExtension.sol";
import {
    Berth_AttesterTaken,
    Berth_AttesterUnknown,
    Berth_BadAccount,
    Berth_FeesTooLow,
    Berth_NotAttester,
    Berth_NotPaused,
    Berth_PausedTooSoon
} from "../interfaces/BerthErrors.sol";
import {OfferWord} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {SettlementLedger} from "./SettlementLedger.sol";

/// @title All that the admin, the guardian and attesters can do; raw senders throughout
abstract contract Administration is IMarketExtension, SettlementLedger {
    bytes32 public constant GUARDIAN_ROLE = _GUARDIAN;
    bytes32 public constant ARBITER_ROLE = _ARBITER;

    uint256 private constant MAX_PAUSE = 7 days;

    /// @inheritdoc IMarketExtension
    function setFee(uint256 feeBps) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Range.atMost("feeBps", feeBps, OfferWord.MAX_FEE_BPS);
        _config.feeBps = uint16(feeBps);
        emit FeeSet(uint16(feeBps));
    }

    /// @inheritdoc IMarketExtension
    function setAttester(
        uint256 id,
        address account,
        uint256 roles
    ) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Range.between("id", id, 1, 127);
        Range.between("roles", roles, 1, 7);
        if (account == address(0)) revert Berth_BadAccount("account", account);
        if (_attesters[id] != 0) revert Berth_AttesterTaken(id, address(uint160(_attesters[id])));
        _attesters[id] = uint256(uint160(account)) | (roles << 160);
        emit AttesterSet(uint8(id), account, uint8(roles));
    }

    /// @inheritdoc IMarketExtension
    function revokeAttester(uint256 id) external {
        if (!hasRole(DEFAULT_ADMIN_ROLE, msg.sender)) _checkRole(_GUARDIAN, msg.sender);
        if (_attesters[id] == 0) revert Berth_AttesterUnknown(id);
        _config.revokedAttesters |= uint128(1 << id);
        emit AttesterRevoked(uint8(id));
    }

    /// @inheritdoc IMarketExtension
    function revokeAttestation(uint256 id, uint256 nonce) external {
        if (msg.sender != address(uint160(_attesters[id])))
            revert Berth_NotAttester(id, msg.sender);
        _revokedAttestations[msg.sender][nonce] = true;
        emit AttestationRevoked(uint8(id), nonce);
    }

    /// @inheritdoc IMarketExtension
    function pause() external onlyRole(_GUARDIAN) {
        uint256 last = _config.pausedUntil;
        if (last != 0 && block.timestamp < last + MAX_PAUSE)
            revert Berth_PausedTooSoon(last + MAX_PAUSE);
        uint40 until = uint40(block.timestamp + MAX_PAUSE);
        _config.pausedUntil = until;
        emit Paused(until);
    }

    /// @inheritdoc IMarketExtension
    function unpause() external {
        if (!hasRole(DEFAULT_ADMIN_ROLE, msg.sender)) _checkRole(_GUARDIAN, msg.sender);
        if (block.timestamp >= _config.pausedUntil) revert Berth_NotPaused();
        _config.pausedUntil = uint40(block.timestamp);
        emit Unpaused();
    }

    /// @inheritdoc IMarketExtension
    function withdrawFees(address to, uint256 amount) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Range.between("amount", amount, 1, type(uint128).max);
        uint128 fees = _ledger.fees;
        if (fees < amount) revert Berth_FeesTooLow(fees, amount);
        _ledger.fees = fees - uint128(amount);
        emit FeesWithdrawn(to, amount);
        _push(to, amount);
    }
}
