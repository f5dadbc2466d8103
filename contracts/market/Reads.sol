// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketExtension} from "../interfaces/IMarketExtension.sol";
import {LeaseTimes, LeaseView} from "../interfaces/BerthTypes.sol";
import {Berth_WrongState} from "../interfaces/BerthErrors.sol";
import {LeaseWord} from "../libraries/LeaseWord.sol";
import {OfferWordA, OfferWordB} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {Slots} from "../libraries/Slots.sol";
import {Tariff} from "../libraries/Tariff.sol";
import {Leases} from "./Leases.sol";

/// @title What wallets, explorers and auditors ask of leases, vehicles, attesters and the ledger
abstract contract Reads is IMarketExtension, Leases {
    /// @inheritdoc IMarketExtension
    function quote(
        uint256 spaceId,
        uint256 offer,
        uint256 slots,
        uint256 kwhCap
    ) external view returns (uint256) {
        Range.between("offer", offer, 1, _space(spaceId).lastOffer());
        Range.between("slots", slots, 1, Slots.MAX_STAY);
        Range.atMost("kwhCap", kwhCap, type(uint8).max);
        return Tariff.deposit(_prices(spaceId, offer), slots, kwhCap);
    }

    /// @inheritdoc IMarketExtension
    function leaseOf(uint256 leaseId) external view returns (LeaseView memory) {
        return _known(leaseId).unpack();
    }

    /// @inheritdoc IMarketExtension
    function depositOf(uint256 leaseId) external view returns (uint256) {
        (LeaseWord word, OfferWordA a) = _leased(leaseId);
        return _depositOf(word, a);
    }

    /// @inheritdoc IMarketExtension
    function timesOf(uint256 leaseId) external view returns (LeaseTimes memory t) {
        (LeaseWord word, OfferWordA a) = _leased(leaseId);
        uint256 startSlot = Slots.startSlotOf(leaseId);
        t.start = Slots.startOf(startSlot);
        t.end = Slots.startOf(startSlot + word.slots());
        t.t1 = _t1(leaseId, word, a);
        t.t2 = t.t1 + CLAIM_TIME;
        t.t3 = t.t2 + DISPUTE_TIME;
    }

    /// @inheritdoc IMarketExtension
    function offerOf(
        uint256 spaceId,
        uint256 number
    ) external view returns (uint256 wordA, uint256 wordB) {
        Range.between("number", number, 1, type(uint16).max);
        uint256 key = _offerKey(spaceId, number);
        return (OfferWordA.unwrap(_offerA[key]), OfferWordB.unwrap(_offerB[key]));
    }

    /// @inheritdoc IMarketExtension
    function calendarOf(uint256 spaceId, uint256 word) external view returns (uint256) {
        Range.atMost("spaceId", spaceId, type(uint64).max);
        Range.atMost("word", word, type(uint24).max);
        return _calendar[(spaceId << 24) | word];
    }

    /// @inheritdoc IMarketExtension
    function vehicleOf(
        bytes32 plateCommitment
    ) external view returns (address driver, uint32 untilSlot, uint8 verifier, uint8 size) {
        Vehicle memory v = _vehicles[plateCommitment];
        return (v.driver, v.untilSlot, v.verifier, v.size);
    }

    /// @inheritdoc IMarketExtension
    function ledger() external view returns (bytes32 head, uint64 count, uint128 fees) {
        return (_ledger.head, _ledger.count, _ledger.fees);
    }

    /// @inheritdoc IMarketExtension
    function config()
        external
        view
        returns (uint16 feeBps, uint40 pausedUntil, uint128 revokedAttesters)
    {
        Config memory c = _config;
        return (c.feeBps, c.pausedUntil, c.revokedAttesters);
    }

    /// @inheritdoc IMarketExtension
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

    /// @inheritdoc IMarketExtension
    function attestationRevoked(uint256 id, uint256 nonce) external view returns (bool) {
        return _revokedAttestations[address(uint160(_attesters[id]))][nonce];
    }

    /// @dev A lease and its offer; a block has none.
    function _leased(uint256 leaseId) private view returns (LeaseWord word, OfferWordA a) {
        word = _known(leaseId);
        if (word.offer() == 0) revert Berth_WrongState(leaseId, word.state());
        a = _prices(Slots.spaceOf(leaseId), word.offer());
    }
}
