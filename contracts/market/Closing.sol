// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketCore} from "../interfaces/IMarketCore.sol";
import {Outcome} from "../interfaces/BerthTypes.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {Slots} from "../libraries/Slots.sol";
import {Bill, Tariff} from "../libraries/Tariff.sol";
import {Leases} from "./Leases.sol";

/// @title Ending a lease when its time has come, whoever says so
abstract contract Closing is IMarketCore, Leases {
    uint256 private constant MAX_BATCH = 100;

    /// @inheritdoc IMarketCore
    function close(uint256 leaseId) external {
        _closeInTime(leaseId);
    }

    /// @inheritdoc IMarketCore
    function closeBatch(uint256[] calldata leaseIds) external {
        Range.between("leaseIds", leaseIds.length, 1, MAX_BATCH);
        for (uint256 i = 0; i < leaseIds.length; ++i) {
            if (_isBeyond(leaseIds[i], LeaseWordLib.CLAIMED)) emit Skipped(leaseIds[i]);
            else _closeInTime(leaseIds[i]);
        }
    }

    function _closeInTime(uint256 leaseId) private {
        LeaseWord word = _open(leaseId);
        OfferWordA a = _prices(Slots.spaceOf(leaseId), word.offer());
        uint256 from = _t1(leaseId, word, a);
        bool claimed = word.state() == LeaseWordLib.CLAIMED;
        bool accepted = claimed && !word.disputed() && _sender() == word.driver();
        unchecked {
            // block times and days
            if (claimed || word.disputed()) from += CLAIM_TIME;
            if (word.disputed()) from += DISPUTE_TIME;
        }
        if (!accepted) _checkTime(leaseId, from, type(uint256).max);

        // nobody ever arrived and nobody spoke: silence never pays the owner for nothing
        Outcome outcome = Outcome.Unused;
        Bill memory bill;
        if (claimed) {
            outcome = accepted ? Outcome.Accepted : Outcome.Matured;
            bill = _evidenceBill(word, a);
            if (word.disputed()) (outcome, bill) = (Outcome.Lapsed, Tariff.lapsed(a, bill));
        } else if (word.state() == LeaseWordLib.PARKED) {
            (outcome, bill) = (Outcome.Presumed, Tariff.bookedRent(a, word.slots()));
        } else if (word.noShow()) {
            (outcome, bill) = (Outcome.NoShow, _noShowBill(word, a));
        }
        _close(leaseId, word, a, bill, outcome);
    }
}
