// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketExtension} from "../interfaces/IMarketExtension.sol";
import {LockProof, SpaceRegistration} from "../interfaces/BerthTypes.sol";
import {
    Berth_BadAccount,
    Berth_Delisted,
    Berth_NotCompliant,
    Berth_NotOwner,
    Berth_ReleaseTooSoon
} from "../interfaces/BerthErrors.sol";
import {Range} from "../libraries/Range.sol";
import {Reasons} from "../libraries/Reasons.sol";
import {SpaceWord0, SpaceWord1, SpaceWord2} from "../libraries/SpaceWord.sol";
import {Spaces} from "./Spaces.sol";

/// @title The life of a registered space: renewal, change of owner, lock, manager, withdrawing offers, delisting
abstract contract Stewardship is IMarketExtension, Spaces {
    // a lease starts at most 90 days after it was made and lasts at most 7; one more day for rounding
    uint256 private constant LAST_LEASE_DAYS = 98;

    /// @inheritdoc IMarketExtension
    function takeOver(SpaceRegistration calldata r) external whenNotPaused {
        address owner = _sender();
        (uint256 reasons, uint256 edition) = _takeOverReasons(owner, r);
        if (reasons != 0) revert Berth_NotCompliant(reasons);
        _install(owner, r, edition);
    }

    /// @inheritdoc IMarketExtension
    function rotateLock(uint256 spaceId, LockProof calldata lock) external {
        address owner = _sender();
        SpaceWord0 space = _ownedSpace(spaceId, owner);
        uint256 reasons = _lockReasons(owner, spaceId, lock);
        if (reasons != 0) revert Berth_NotCompliant(reasons);
        if (lock.key == _space1[spaceId].lockKey()) revert Berth_BadAccount("key", lock.key);

        uint256 validDay = _min(space.validDay(), lock.validDay);
        _rotate(spaceId, lock, validDay);
        _space0[spaceId] = space.withValidDay(validDay);
        _space1[spaceId] = _space1[spaceId].withLock(lock.key, lock.maker);
    }

    /// @inheritdoc IMarketExtension
    function setManager(uint256 spaceId, address manager) external {
        _ownedSpace(spaceId, _sender());
        _managers[spaceId] = manager;
        emit ManagerSet(uint64(spaceId), manager);
    }

    /// @inheritdoc IMarketExtension
    function withdrawOffers(uint256 spaceId, uint256 firstLive) external {
        SpaceWord0 space = _managedSpace(spaceId, _sender());
        Range.between("firstLive", firstLive, space.firstLive() + 1, space.lastOffer() + 1);
        _space0[spaceId] = space.withFirstLive(firstLive);
        emit OffersWithdrawn(uint64(spaceId), uint16(firstLive));
    }

    /// @inheritdoc IMarketExtension
    function delist(uint256 spaceId) external {
        SpaceWord0 space = _space(spaceId);
        address by = _sender();
        if (by != space.owner() && !_mayBeDelisted(spaceId)) revert Berth_NotOwner(spaceId, by);
        SpaceWord2 word2 = _space2[spaceId];
        if (word2.delistedDay() != 0) revert Berth_Delisted(spaceId);
        _space2[spaceId] = word2.withDelistedDay(block.timestamp / 1 days);
        unchecked {
            // a space has at most 65534 offers
            _space0[spaceId] = space.withFirstLive(space.lastOffer() + 1).withValidDay(0);
        }
        emit SpaceDelisted(uint64(spaceId), by);
    }

    /// @inheritdoc IMarketExtension
    function release(uint256 spaceId) external {
        _space(spaceId);
        uint256 day = _space2[spaceId].delistedDay();
        uint256 from = day == 0 ? 0 : (day + LAST_LEASE_DAYS + 1) * 1 days;
        if (day == 0 || block.timestamp < from) revert Berth_ReleaseTooSoon(spaceId, from);
        _titles.release(spaceId);
    }

    /// @inheritdoc IMarketExtension
    function compliance(
        address owner,
        SpaceRegistration calldata r
    ) external view returns (uint256 reasons) {
        reasons = _titles.titleReasons(r.title, r.proof) | _ownReasons(owner, r);
        if (!_titles.isMarket(address(this))) reasons |= Reasons.MARKET_NOT_ALLOWED;
    }

    /// @inheritdoc IMarketExtension
    function takeOverCompliance(
        address owner,
        SpaceRegistration calldata r
    ) external view returns (uint256 reasons) {
        (reasons, ) = _takeOverReasons(owner, r);
    }

    /// @inheritdoc IMarketExtension
    function payeeOf(uint256 spaceId, uint256 offer) external view returns (address) {
        _space(spaceId);
        return _payee(spaceId, offer);
    }

    /// @inheritdoc IMarketExtension
    function spaceOf(
        uint256 spaceId
    ) external view returns (uint256 word0, uint256 word1, uint256 word2) {
        return (
            SpaceWord0.unwrap(_space0[spaceId]),
            SpaceWord1.unwrap(_space1[spaceId]),
            SpaceWord2.unwrap(_space2[spaceId])
        );
    }

    /// @inheritdoc IMarketExtension
    function managerOf(uint256 spaceId) external view returns (address) {
        return _managers[spaceId];
    }

    /// @inheritdoc IMarketExtension
    function titles() external view returns (address) {
        return address(_titles);
    }

    function _takeOverReasons(
        address owner,
        SpaceRegistration calldata r
    ) private view returns (uint256 reasons, uint256 edition) {
        (reasons, edition) = _titles.reclaim(r.title, r.proof);
        reasons |= _ownReasons(owner, r);
        uint256 spaceId = _spaceId(r);
        // within one edition only its owner may come again: another wallet of the same holder waits for the next
        if (owner != _space0[spaceId].owner() && edition <= _space1[spaceId].edition())
            reasons |= Reasons.EDITION_NOT_NEWER;
    }

    /// @dev Its title, or the maker of its lock, is revoked.
    function _mayBeDelisted(uint256 spaceId) private view returns (bool) {
        return
            _isRevoked(_config.revokedAttesters, _space1[spaceId].maker()) ||
            _titles.isRevoked(spaceId >> 32, uint32(spaceId));
    }
}
