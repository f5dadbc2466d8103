// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IMarketExtension} from "../interfaces/IMarketExtension.sol";
import {Agreement, Outcome} from "../interfaces/BerthTypes.sol";
import {
    Berth_AgreementExpired,
    Berth_BadSignature,
    Berth_CostAboveDeposit,
    Berth_DepositChanged,
    Berth_NotDisputed,
    Berth_NotParty
} from "../interfaces/BerthErrors.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA} from "../libraries/OfferWord.sol";
import {Slots} from "../libraries/Slots.sol";
import {Tariff} from "../libraries/Tariff.sol";
import {Leases} from "./Leases.sol";

/// @title Disputes, decided by the arbiter; agreements, which need no dispute
abstract contract Disputes is IMarketExtension, Leases {
    bytes32 private constant AGREEMENT_TYPEHASH = keccak256(
        "Agreement(uint256 leaseId,uint256 deposit,uint256 cost,uint256 validUntil)"
    );

    /// @inheritdoc IMarketExtension
    function dispute(uint256 leaseId) external {
        LeaseWord word = _open(leaseId);
        address by = _sender();
        if (by != word.driver() && by != _payee(Slots.spaceOf(leaseId), word.offer()))
            revert Berth_NotParty(leaseId, by);
        _checkUndisputed(leaseId, word);
        uint256 until = _t1(leaseId, word, _prices(Slots.spaceOf(leaseId), word.offer()));
        if (word.state() == LeaseWordLib.CLAIMED) until += CLAIM_TIME;
        _checkTime(leaseId, Slots.startOf(Slots.startSlotOf(leaseId)), until);
        _store(leaseId, word.withDispute());
        emit Disputed(leaseId, by);
    }

    /// @inheritdoc IMarketExtension
    function resolve(uint256 leaseId, uint256 cost) external onlyRole(_ARBITER) {
        LeaseWord word = _open(leaseId);
        if (!word.disputed()) revert Berth_NotDisputed(leaseId);
        OfferWordA a = _prices(Slots.spaceOf(leaseId), word.offer());
        _checkTime(leaseId, 0, _t1(leaseId, word, a) + CLAIM_TIME + DISPUTE_TIME);
        _award(leaseId, word, a, cost, Outcome.Resolved);
    }

    /// @inheritdoc IMarketExtension
    function agree(
        Agreement calldata agreement,
        bytes calldata driverSignature,
        bytes calldata payeeSignature
    ) external {
        LeaseWord word = _open(agreement.leaseId);
        if (block.timestamp > agreement.validUntil)
            revert Berth_AgreementExpired(agreement.validUntil, block.timestamp);
        address payee = _payee(Slots.spaceOf(agreement.leaseId), word.offer());
        bytes32 digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    AGREEMENT_TYPEHASH,
                    agreement.leaseId,
                    agreement.deposit,
                    agreement.cost,
                    agreement.validUntil
                )
            )
        );
        _checkConsent("driver", word.driver(), digest, driverSignature);
        _checkConsent("payee", payee, digest, payeeSignature);
        OfferWordA a = _prices(Slots.spaceOf(agreement.leaseId), word.offer());
        uint256 deposit = _depositOf(word, a);
        if (deposit != agreement.deposit) revert Berth_DepositChanged(deposit, agreement.deposit);
        _award(agreement.leaseId, word, a, agreement.cost, Outcome.Agreed);
    }

    /// @dev A call is consent too.
    function _checkConsent(
        bytes32 who,
        address party,
        bytes32 digest,
        bytes calldata signature
    ) private view {
        if (_sender() == party) return;
        if (!SignatureChecker.isValidSignatureNow(party, digest, signature))
            revert Berth_BadSignature(who, party);
    }

    function _award(
        uint256 leaseId,
        LeaseWord word,
        OfferWordA a,
        uint256 cost,
        Outcome outcome
    ) private {
        uint256 deposit = _depositOf(word, a);
        if (cost > deposit) revert Berth_CostAboveDeposit(cost, deposit);
        _close(leaseId, word, a, Tariff.charge(a, cost), outcome);
    }
}
