// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ITitleRegistry} from "../interfaces/ITitleRegistry.sol";
import {HolderProof, LockProof, SpaceRegistration} from "../interfaces/BerthTypes.sol";
import {
    Berth_BadAccount,
    Berth_NotOwner,
    Berth_SpaceLapses,
    Berth_SpaceUnknown
} from "../interfaces/BerthErrors.sol";
import {Range} from "../libraries/Range.sol";
import {Reasons} from "../libraries/Reasons.sol";
import {Slots} from "../libraries/Slots.sol";
import {SpaceWord, SpaceWord0, SpaceWord1, SpaceWord2} from "../libraries/SpaceWord.sol";
import {TitleAttributes} from "../libraries/TitleAttributes.sol";
import {Governance} from "./Governance.sol";
import {Sender} from "./Sender.sol";

/// @title Spaces: their words, their owners, and what a registration must prove
abstract contract Spaces is Governance, Sender, EIP712 {
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
    mapping(uint256 spaceId => SpaceWord2) internal _space2;
    mapping(uint256 spaceId => address) internal _managers;
    // former owner 160 | the first of his offers 16, under the first offer of his successor
    mapping(uint256 spaceAndSince => uint256) private _former;

    constructor(address titles_) {
        if (titles_ == address(0)) revert Berth_BadAccount("titles", titles_);
        _titles = ITitleRegistry(titles_);
    }

    /// @dev Reverts when the space is not registered.
    function _space(uint256 spaceId) internal view returns (SpaceWord0 space) {
        space = _space0[spaceId];
        if (space.owner() == address(0)) revert Berth_SpaceUnknown(spaceId);
    }

    /// @dev The space, for its owner alone.
    function _ownedSpace(uint256 spaceId, address caller) internal view returns (SpaceWord0 space) {
        space = _space(spaceId);
        if (caller != space.owner()) revert Berth_NotOwner(spaceId, caller);
    }

    /// @dev The space, for its owner or manager.
    function _managedSpace(
        uint256 spaceId,
        address caller
    ) internal view returns (SpaceWord0 space) {
        space = _space(spaceId);
        if (caller != space.owner() && caller != _managers[spaceId])
            revert Berth_NotOwner(spaceId, caller);
    }

    /// @notice Whom leases under an offer pay: the owner of the space when it was published.
    function _payee(uint256 spaceId, uint256 offer) internal view returns (address) {
        SpaceWord0 space = _space0[spaceId];
        uint256 since = space.since();
        return offer < since ? _formerPayee(spaceId, offer, since) : space.owner();
    }

    /// @dev Each step is an owner who had published: no more steps than offers.
    function _formerPayee(
        uint256 spaceId,
        uint256 offer,
        uint256 since
    ) private view returns (address) {
        uint256 word;
        while (offer < since) {
            word = _former[(spaceId << 16) | since];
            since = word >> 160;
        }
        return address(uint160(word));
    }

    /// @dev Title, owner's identity and lock attestation last until the slot before `endSlot` is over.
    function _checkValid(uint256 spaceId, SpaceWord0 space, uint256 endSlot) internal pure {
        unchecked {
            // endSlot has 32 bits and is not 0
            uint256 endDay = (Slots.startOf(endSlot) - 1) / 1 days;
            if (endDay > space.validDay())
                revert Berth_SpaceLapses(spaceId, endDay, space.validDay());
        }
    }

    /// @notice Writes a registration that complies: a new space, a renewal, or a change of owner.
    /// @dev Compliant means that every packed field but the edition is in its range.
    /// @param edition of the title
    function _install(address owner, SpaceRegistration calldata r, uint256 edition) internal {
        Range.atMost("edition", edition, type(uint16).max);
        uint256 spaceId = _spaceId(r);
        uint256 validDay = _min(r.title.validDay, _min(r.holder.validDay, r.lock.validDay));
        SpaceWord0 old = _space0[spaceId];
        if (old.owner() == owner) {
            _space0[spaceId] = old.withValidDay(validDay).withCell(r.title.cell);
        } else {
            uint256 since;
            unchecked {
                // a space has at most 65534 offers
                since = old.lastOffer() + 1;
            }
            _space0[spaceId] = SpaceWord.pack0(owner, since, validDay, r.title.cell);
            if (old.owner() != address(0)) _succeed(spaceId, old, owner, since);
        }
        if (old.owner() != address(0)) {
            // listed again
            _space2[spaceId] = _space2[spaceId].withDelistedDay(0);
            _rotate(spaceId, r.lock, validDay);
        }
        _space1[spaceId] = SpaceWord.pack1(
            r.lock.key,
            TitleAttributes.dimensions(r.title.attributes),
            r.connectors,
            r.power,
            r.lock.maker,
            edition
        );
        emit SpaceRegistered(
            uint64(spaceId),
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

    /// @notice Keeps the former owner as payee of the offers published so far, and drops his manager.
    function _succeed(uint256 spaceId, SpaceWord0 old, address owner, uint256 since) private {
        if (since != old.since()) {
            _former[(spaceId << 16) | since] = uint256(uint160(old.owner())) | (old.since() << 160);
        }
        if (_managers[spaceId] != address(0)) {
            delete _managers[spaceId];
            emit ManagerSet(uint64(spaceId), address(0));
        }
        emit SpaceTakenOver(uint64(spaceId), old.owner(), owner, uint16(since));
    }

    /// @notice The space's key makes room for another one; nothing happens if it is the same.
    function _rotate(uint256 spaceId, LockProof calldata lock, uint256 validDay) internal {
        address previous = _space1[spaceId].lockKey();
        if (previous == lock.key) return;
        uint256 delistedDay = _space2[spaceId].delistedDay();
        _space2[spaceId] = SpaceWord.pack2(previous, block.timestamp, delistedDay);
        emit LockRotated(uint64(spaceId), previous, lock.key, uint8(lock.maker), uint16(validDay));
    }

    /// @dev What the market itself holds against a registration: holder, lock, charger.
    function _ownReasons(
        address owner,
        SpaceRegistration calldata r
    ) internal view returns (uint256) {
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
        if (_revokedAttestations[verifier][h.nonce]) reasons |= Reasons.HOLDER_ATTESTATION_REVOKED;
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
    ) internal view returns (uint256 reasons) {
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
        address signer = _signerOf(structHash, signature);
        return signer == by && signer != address(0);
    }

    /// @return signer zero when the signature is none
    function _signerOf(
        bytes32 structHash,
        bytes calldata signature
    ) internal view returns (address signer) {
        // of a malformed or malleable signature OpenZeppelin answers zero
        (signer, , ) = ECDSA.tryRecover(_hashTypedDataV4(structHash), signature);
    }

    function _expired(uint256 validDay) internal view returns (bool) {
        return block.timestamp / 1 days > validDay;
    }

    function _spaceId(SpaceRegistration calldata r) internal pure returns (uint256) {
        return (r.title.city << 32) | r.title.index;
    }

    function _min(uint256 x, uint256 y) internal pure returns (uint256) {
        return x < y ? x : y;
    }
}
