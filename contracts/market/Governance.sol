// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

import {IParkingMarket} from "../interfaces/IParkingMarket.sol";
import {
    Berth_AttesterRevoked,
    Berth_AttesterTaken,
    Berth_AttesterUnknown,
    Berth_BadAccount,
    Berth_NotAttester,
    Berth_NotPaused,
    Berth_Paused,
    Berth_PausedTooSoon
} from "../interfaces/BerthErrors.sol";
import {OfferWord} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";

/// @title Fee, pause and attesters: all that the admin and the guardian can do
abstract contract Governance is IParkingMarket, AccessControl {
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    uint256 internal constant VERIFIES_HOLDERS = 1;
    uint256 internal constant VERIFIES_VEHICLES = 2;
    uint256 internal constant MAKES_LOCKS = 4;

    uint256 private constant MAX_PAUSE = 7 days;

    struct Config {
        // slot 0: revoked attesters 128 (bit = id) | paused until 40 | fee 16
        uint128 revokedAttesters;
        uint40 pausedUntil;
        uint16 feeBps;
    }

    Config internal _config;
    // account 160 | roles 8; an id is given once and never again
    mapping(uint256 id => uint256) private _attesters;
    mapping(uint256 id => mapping(uint256 nonce => bool)) private _revokedAttestations;

    modifier whenNotPaused() {
        _checkNotPaused();
        _;
    }

    /// @inheritdoc IParkingMarket
    function setFee(uint256 feeBps) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Range.atMost("feeBps", feeBps, OfferWord.MAX_FEE_BPS);
        _config.feeBps = uint16(feeBps);
        emit FeeSet(uint16(feeBps));
    }

    /// @inheritdoc IParkingMarket
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

    /// @inheritdoc IParkingMarket
    function revokeAttester(uint256 id) external {
        if (!hasRole(DEFAULT_ADMIN_ROLE, msg.sender)) _checkRole(GUARDIAN_ROLE, msg.sender);
        if (_attesters[id] == 0) revert Berth_AttesterUnknown(id);
        _config.revokedAttesters |= uint128(1 << id);
        emit AttesterRevoked(uint8(id));
    }

    /// @inheritdoc IParkingMarket
    function revokeAttestation(uint256 id, uint256 nonce) external {
        if (msg.sender != address(uint160(_attesters[id])))
            revert Berth_NotAttester(id, msg.sender);
        _revokedAttestations[id][nonce] = true;
        emit AttestationRevoked(uint8(id), nonce);
    }

    /// @inheritdoc IParkingMarket
    function pause() external onlyRole(GUARDIAN_ROLE) {
        uint256 last = _config.pausedUntil;
        if (last != 0 && block.timestamp < last + MAX_PAUSE)
            revert Berth_PausedTooSoon(last + MAX_PAUSE);
        uint40 until = uint40(block.timestamp + MAX_PAUSE);
        _config.pausedUntil = until;
        emit Paused(until);
    }

    /// @inheritdoc IParkingMarket
    function unpause() external {
        if (!hasRole(DEFAULT_ADMIN_ROLE, msg.sender)) _checkRole(GUARDIAN_ROLE, msg.sender);
        if (block.timestamp >= _config.pausedUntil) revert Berth_NotPaused();
        _config.pausedUntil = uint40(block.timestamp);
        emit Unpaused();
    }

    /// @inheritdoc IParkingMarket
    function config()
        external
        view
        returns (uint16 feeBps, uint40 pausedUntil, uint128 revokedAttesters)
    {
        Config memory c = _config;
        return (c.feeBps, c.pausedUntil, c.revokedAttesters);
    }

    /// @inheritdoc IParkingMarket
    function attesterOf(
        uint256 id
    ) external view returns (address account, uint8 roles, bool revoked) {
        uint256 word = _attesters[id];
        return (
            address(uint160(word)),
            uint8(word >> 160),
            id < 128 && _isRevoked(_config.revokedAttesters, id)
        );
    }

    /// @inheritdoc IParkingMarket
    function attestationRevoked(uint256 id, uint256 nonce) public view returns (bool) {
        return _revokedAttestations[id][nonce];
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
