// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LeaseTimes, LeaseView} from "../interfaces/BerthTypes.sol";
import {LeaseWordLib} from "../libraries/LeaseWord.sol";
import {Verbs} from "./LensTypes.sol";

/// @title Which verbs are legal for a lease, by its state and the clock: one bit a verb, the same off-chain
library LeaseVerbs {
    uint256 internal constant ARRIVED = 1 << 0; // record, signed by the lock; so the next three
    uint256 internal constant LEFT = 1 << 1;
    uint256 internal constant BLOCKED = 1 << 2;
    uint256 internal constant NOSHOW = 1 << 3;
    uint256 internal constant CLOSE = 1 << 4;
    uint256 internal constant AGREE = 1 << 5;
    uint256 internal constant CANCEL = 1 << 6;
    uint256 internal constant EXTEND = 1 << 7;
    uint256 internal constant CHANGE_VEHICLE = 1 << 8;
    uint256 internal constant OWNER_CANCEL = 1 << 9;
    uint256 internal constant DISPUTE = 1 << 10;
    uint256 internal constant RESOLVE = 1 << 11;
    uint256 internal constant UNBLOCK = 1 << 12;

    // a lock may see a car come this long before the lease starts
    uint256 private constant EARLY = 15 minutes;

    /// @param offerLive the lease's offer still may be leased
    function legal(
        LeaseView memory v,
        LeaseTimes memory t,
        bool offerLive,
        uint256 now_
    ) internal pure returns (Verbs memory verbs) {
        if (v.state == LeaseWordLib.BLOCKED) {
            if (now_ < t.end) verbs.steward = UNBLOCK;
            return verbs;
        }
        if (v.state < LeaseWordLib.BOOKED || v.state > LeaseWordLib.CLAIMED) return verbs;

        bool claimed = v.state == LeaseWordLib.CLAIMED;
        verbs.anybody = AGREE | _records(v, t, now_);
        // a dispute before it, closing from it on
        uint256 deadline = claimed ? t.t2 : t.t1;
        if (now_ >= (v.disputed ? t.t3 : deadline)) verbs.anybody |= CLOSE;
        verbs.driver = verbs.anybody;
        verbs.payee = verbs.anybody;
        if (v.disputed) {
            if (now_ < t.t3) verbs.arbiter = RESOLVE;
            return verbs;
        }

        if (now_ >= t.start && now_ < deadline) {
            verbs.driver |= DISPUTE;
            verbs.payee |= DISPUTE;
        }
        if (claimed) {
            verbs.driver |= CLOSE;
            return verbs;
        }
        if (now_ < t.end) verbs.driver |= offerLive ? EXTEND | CHANGE_VEHICLE : CHANGE_VEHICLE;
        if (v.state == LeaseWordLib.BOOKED) {
            if (now_ < t.start) verbs.driver |= CANCEL;
            if (now_ < t.t1) verbs.payee |= OWNER_CANCEL;
        }
    }

    /// @dev What a lock may say, if it saw it.
    function _records(
        LeaseView memory v,
        LeaseTimes memory t,
        uint256 now_
    ) private pure returns (uint256 verbs) {
        if (v.state == LeaseWordLib.CLAIMED || now_ >= t.t1) return 0;
        if (now_ >= t.start - EARLY) verbs = LEFT;
        if (v.state != LeaseWordLib.BOOKED) return verbs;
        if (now_ >= t.start - EARLY) verbs |= ARRIVED;
        if (now_ >= t.start) verbs |= BLOCKED;
        // of a disputed lease it goes on record, once
        if (now_ >= t.end && !v.noShow) verbs |= NOSHOW;
    }
}
