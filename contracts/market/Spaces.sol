// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IParkingMarket} from "../interfaces/IParkingMarket.sol";
import {ITitleRegistry} from "../interfaces/ITitleRegistry.sol";
import {HolderProof, LockProof, SpaceRegistration} from "../interfaces/BerthTypes.sol";
import {
    Berth_BadAccount,
    Berth_NotCompliant,
    Berth_SpaceUnknown
} from "../interfaces/BerthErrors.sol";
import {Reasons} from "../libraries/Reasons.sol";
import {SpaceWord, SpaceWord0, SpaceWord1} from "../libraries/SpaceWord.sol";
import {TitleAttributes} from "../libraries/TitleAttributes.sol";
import {Governance} from "./Governance.sol";
import {Sender} from "./Sender.sol";

/// @title Registering a space: title, holder and lock, each proven
abstract contract Spaces is IParkingMarket, Governance, Sender, EIP712 {
    bytes32 private constant HOLDER_TYPEHASH = keccak256(
        "HolderAttestation(address wallet,bytes32 saltedHolder,uint16 validDay,uint256 nonce)"
    );
    bytes32 private constant LOCK_TYPEHASH = keccak256(
        "LockAttestation(address lock,uint16 validDay)"
    );
    bytes32 private constant POSSESSION_TYPEHASH = keccak256(
        "LockPossession(address lock,uint64 spaceId,address owner)"
    );

    uint256 private constant MAX_POWER = 10_000; // 1 MW in units of 100 W

    ITitleRegistry internal immutable _titles;

    mapping(uint256 spaceId => SpaceWord0) internal _space0;
    mapping(uint256 spaceId => SpaceWord1) internal _space1;

    constructor(address titles_) {
        if (titles_ == address(0)) revert Berth_BadAccount("titles", titles_);
        _titles = ITitleRegistry(titles_);
    }

    /// @inheritdoc IParkingMarket
    function registerSpace(
        SpaceRegistration calldata r
    ) external whenNotPaused returns (uint64 spaceId) {
        address owner = _sender();
        // Check: every reason at once, the claim's own included; a claim that is not to be is undone by the revert
        uint256 reasons = _titles.claim(r.title, r.proof) | _ownReasons(owner, r);
        if (reasons != 0) revert Berth_NotCompliant(reasons);

        // Effect: compliant means that every packed field is in its range
        spaceId = uint64(_spaceId(r));
        uint256 validDay = _min(r.title.validDay, _min(r.holder.validDay, r.lock.validDay));
        _space0[spaceId] = SpaceWord.pack0(owner, validDay, r.title.cell);
        _space1[spaceId] = SpaceWord.pack1(
            r.lock.key,
            TitleAttributes.dimensions(r.title.attributes),
            r.connectors,
            r.power,
            r.lock.maker
        );
        emit SpaceRegistered(
            spaceId,
            owner,
            r.lock.key,
            uint32(r.title.cell),
            r.title.addressHash,
            uint64(r.title.attributes),
            uint8(r.connectors),
            uint16(r.power),
            uint8(r.lock.maker),
            uint16(validDay)
        );
    }

    /// @inheritdoc IParkingMarket
    function compliance(
        address owner,
        SpaceRegistration calldata r
    ) external view returns (uint256 reasons) {
        reasons = _titles.titleReasons(r.title, r.proof) | _ownReasons(owner, r);
        if (!_titles.isMarket(address(this))) reasons |= Reasons.MARKET_NOT_ALLOWED;
    }

    /// @inheritdoc IParkingMarket
    function spaceOf(uint256 spaceId) external view returns (uint256 word0, uint256 word1) {
        return (SpaceWord0.unwrap(_space0[spaceId]), SpaceWord1.unwrap(_space1[spaceId]));
    }

    /// @inheritdoc IParkingMarket
    function titles() external view returns (address) {
        return address(_titles);
    }

    /// @dev Reverts when the space is not registered.
    function _space(uint256 spaceId) internal view returns (SpaceWord0 space) {
        space = _space0[spaceId];
        if (space.owner() == address(0)) revert Berth_SpaceUnknown(spaceId);
    }

    /// @dev What the market itself holds against a registration: holder, lock, charger.
    function _ownReasons(
        address owner,
        SpaceRegistration calldata r
    ) private view returns (uint256) {
        return
            _holderReasons(owner, r.title.saltedHolder, r.holder) |
            _lockReasons(owner, _spaceId(r), r.lock) |
            _chargerReasons(r.connectors, r.power);
    }

    function _holderReasons(
        address owner,
        bytes32 saltedHolder,
        HolderProof calldata h
    ) private view returns (uint256 reasons) {
        address verifier = _attester(h.verifier, VERIFIES_HOLDERS);
        if (verifier == address(0)) return Reasons.HOLDER_VERIFIER_UNKNOWN;
        if (_isRevoked(_config.revokedAttesters, h.verifier))
            reasons |= Reasons.HOLDER_VERIFIER_REVOKED;
        if (attestationRevoked(h.verifier, h.nonce)) reasons |= Reasons.HOLDER_ATTESTATION_REVOKED;
        if (_expired(h.validDay)) reasons |= Reasons.HOLDER_EXPIRED;
        bytes32 digest = keccak256(
            abi.encode(HOLDER_TYPEHASH, owner, saltedHolder, h.validDay, h.nonce)
        );
        if (h.validDay > type(uint16).max || !_signed(digest, h.signature, verifier)) {
            reasons |= Reasons.HOLDER_SIGNATURE_INVALID;
        }
    }

    function _lockReasons(
        address owner,
        uint256 spaceId,
        LockProof calldata lock
    ) private view returns (uint256 reasons) {
        if (
            !_signed(
                keccak256(abi.encode(POSSESSION_TYPEHASH, lock.key, spaceId, owner)),
                lock.possession,
                lock.key
            )
        ) {
            reasons |= Reasons.LOCK_POSSESSION_INVALID;
        }
        address maker = _attester(lock.maker, MAKES_LOCKS);
        if (maker == address(0)) return reasons | Reasons.LOCK_MAKER_UNKNOWN;
        if (_isRevoked(_config.revokedAttesters, lock.maker)) reasons |= Reasons.LOCK_MAKER_REVOKED;
        if (_expired(lock.validDay)) reasons |= Reasons.LOCK_EXPIRED;
        bytes32 digest = keccak256(abi.encode(LOCK_TYPEHASH, lock.key, lock.validDay));
        if (lock.validDay > type(uint16).max || !_signed(digest, lock.makerSignature, maker)) {
            reasons |= Reasons.LOCK_ATTESTATION_INVALID;
        }
    }

    function _chargerReasons(uint256 connectors, uint256 power) private pure returns (uint256) {
        bool sane =
            connectors <= type(uint8).max &&
                power <= MAX_POWER &&
                (connectors == 0) == (power == 0);
        return sane ? 0 : Reasons.CHARGER_INCONSISTENT;
    }

    /// @dev Keys that sign here are plain secp256k1 keys: no contract may answer for them.
    function _signed(
        bytes32 structHash,
        bytes calldata signature,
        address by
    ) internal view returns (bool) {
        (address signer, ECDSA.RecoverError error, ) = ECDSA.tryRecover(
            _hashTypedDataV4(structHash),
            signature
        );
        return error == ECDSA.RecoverError.NoError && signer == by;
    }

    function _expired(uint256 validDay) private view returns (bool) {
        return block.timestamp / 1 days > validDay;
    }

    function _spaceId(SpaceRegistration calldata r) private pure returns (uint256) {
        return (r.title.city << 32) | r.title.index;
    }

    function _min(uint256 x, uint256 y) private pure returns (uint256) {
        return x < y ? x : y;
    }
}
