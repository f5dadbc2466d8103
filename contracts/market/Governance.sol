// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

import {IMarketEvents} from "../interfaces/IMarketEvents.sol";
import {
    Berth_AttesterRevoked,
    Berth_AttesterUnknown,
    Berth_Paused
} from "../interfaces/BerthErrors.sol";

/// @title Who is trusted for what, the fee and the pause: storage and checks; verbs in `Administration`
abstract contract Governance is IMarketEvents, AccessControl {
    bytes32 internal constant _GUARDIAN = keccak256("GUARDIAN_ROLE");
    bytes32 internal constant _ARBITER = keccak256("ARBITER_ROLE");

    uint256 internal constant VERIFIES_HOLDERS = 1;
    uint256 internal constant VERIFIES_VEHICLES = 2;
    uint256 internal constant MAKES_LOCKS = 4;

    struct Config {
        // slot 0: revoked attesters 128 (bit = id) | paused until 40 | fee 16
        uint128 revokedAttesters;
        uint40 pausedUntil;
        uint16 feeBps;
    }

    Config internal _config;
    // account 160 | roles 8; an id is given once and never again
    mapping(uint256 id => uint256) internal _attesters;
    // by account, so that they stay revoked if the account is given another id
    mapping(address attester => mapping(uint256 nonce => bool)) internal _revokedAttestations;

    modifier whenNotPaused() {
        _checkNotPaused();
        _;
    }

    /// @return account of the attester if it holds the role, revoked or not; zero otherwise
    function _attester(uint256 id, uint256 role) internal view returns (address account) {
        uint256 word = _attesters[id];
        if ((word >> 160) & role != 0) return address(uint160(word));
    }

    /// @dev Reverts unless the attester holds the role and is not revoked.
    function _attesterInForce(uint256 id, uint256 role) internal view returns (address account) {
        account = _attester(id, role);
        if (account == address(0)) revert Berth_AttesterUnknown(id);
        if (_isRevoked(_config.revokedAttesters, id)) revert Berth_AttesterRevoked(id);
    }

    /// @param id at most 127
    function _isRevoked(uint256 revokedAttesters, uint256 id) internal pure returns (bool) {
        return (revokedAttesters >> id) & 1 == 1;
    }

    function _checkNotPaused() private view {
        uint256 until = _config.pausedUntil;
        if (block.timestamp < until) revert Berth_Paused(until);
    }
}
