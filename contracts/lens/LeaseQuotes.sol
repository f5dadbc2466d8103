// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LeaseRequest, LeaseView} from "../interfaces/BerthTypes.sol";
import {OfferWordA, OfferWordB} from "../libraries/OfferWord.sol";
import {Slots} from "../libraries/Slots.sol";
import {SpaceWord0} from "../libraries/SpaceWord.sol";
import {WeeklyHours} from "../libraries/WeeklyHours.sol";
import {IMarketLens} from "./IMarketLens.sol";
import {LeaseReasons} from "./LeaseReasons.sol";
import {LensReads} from "./LensReads.sol";
import {Quote} from "./LensTypes.sol";

/// @title What a lease would take, and why it would be refused
/// @dev The market stops at its first reason; here each is judged on its own, as far as its numbers allow.
abstract contract LeaseQuotes is LensReads {
    /// @inheritdoc IMarketLens
    function quote(address driver, LeaseRequest calldata r) external view returns (Quote memory q) {
        (, uint256 pausedUntil, ) = market.config();
        if (block.timestamp < pausedUntil) q.reasons = LeaseReasons.PAUSED;
        q.reasons |= _refusedNumbers(r) | _refusedVehicle(driver, r);

        (SpaceWord0 space, , ) = _words(r.spaceId);
        bool known = space.owner() != address(0);
        if (!known) q.reasons |= LeaseReasons.SPACE_UNKNOWN;
        else if (_isStay(r)) q.reasons |= _refusedSpace(r, space);

        if (known && r.offer >= 1 && r.offer <= space.lastOffer()) {
            (OfferWordA a, OfferWordB b) = _offer(r.spaceId, r.offer);
            q.reasons |= _refusedStay(r, b);
            bool priced =
                q.reasons & (LeaseReasons.SLOTS_OUT_OF_RANGE | LeaseReasons.KWH_OUT_OF_RANGE) == 0;
            if (priced) q.deposit = _deposit(a, r.slots, r.kwhCap);
        }
        if (known && !_isLive(space, r.offer)) q.reasons |= LeaseReasons.OFFER_NOT_LIVE;

        q.credit = market.creditOf(driver);
        if (q.deposit.total > r.maxCost) q.reasons |= LeaseReasons.COST_ABOVE_MAXIMUM;
        if (q.deposit.total > q.credit) {
            q.pulled = q.deposit.total - q.credit;
            if (_asset.allowance(driver, address(market)) < q.pulled)
                q.reasons |= LeaseReasons.ALLOWANCE_TOO_LOW;
            if (_asset.balanceOf(driver) < q.pulled) q.reasons |= LeaseReasons.BALANCE_TOO_LOW;
        }
    }

    // ---- why a lease would be refused
    function _refusedNumbers(LeaseRequest calldata r) private view returns (uint256 reasons) {
        if (r.slots == 0 || r.slots > Slots.MAX_STAY) reasons |= LeaseReasons.SLOTS_OUT_OF_RANGE;
        if (r.kwhCap > type(uint8).max) reasons |= LeaseReasons.KWH_OUT_OF_RANGE;
        uint256 current = Slots.current(block.timestamp);
        if (r.startSlot < current) reasons |= LeaseReasons.START_IN_PAST;
        if (r.startSlot > current + Slots.MAX_AHEAD) reasons |= LeaseReasons.START_TOO_FAR;
    }

    /// @dev Of a request that is a stay.
    function _refusedSpace(
        LeaseRequest calldata r,
        SpaceWord0 space
    ) private view returns (uint256 reasons) {
        if ((Slots.startOf(r.startSlot + r.slots) - 1) / 1 days > space.validDay())
            reasons |= LeaseReasons.SPACE_LAPSES;
        for (uint256 done = 0; done < r.slots; done += DAY_SLOTS) {
            uint256 count = r.slots - done < DAY_SLOTS ? r.slots - done : DAY_SLOTS;
            if (_taken(r.spaceId, r.startSlot + done, count) != 0)
                reasons |= LeaseReasons.CALENDAR_TAKEN;
        }
        // only the last possible epoch can be asked for and be there
        uint256 last = Slots.leaseId(Slots.key(r.spaceId, r.startSlot), type(uint16).max);
        try market.leaseOf(last) returns (LeaseView memory) {
            reasons |= LeaseReasons.EPOCH_EXHAUSTED;
        } catch {}
    }

    function _refusedStay(
        LeaseRequest calldata r,
        OfferWordB b
    ) private pure returns (uint256 reasons) {
        if (_isStay(r)) reasons = _refusedTimes(b, r.startSlot, r.slots);
        if (r.slots < b.minSlots()) reasons |= LeaseReasons.STAY_TOO_SHORT;
        if (r.slots > b.maxSlots()) reasons |= LeaseReasons.STAY_TOO_LONG;
    }

    function _refusedVehicle(
        address driver,
        LeaseRequest calldata r
    ) private view returns (uint256 reasons) {
        (address registered, uint256 untilSlot, uint256 verifier, ) = market.vehicleOf(
            r.plateCommitment
        );
        // nobody may lease as the zero account, whose vehicles are those that nobody registered
        if (registered != driver || driver == address(0)) return LeaseReasons.VEHICLE_NOT_DRIVERS;
        if (_isStay(r) && untilSlot < r.startSlot + r.slots) reasons = LeaseReasons.VEHICLE_LAPSES;
        (, , bool revoked) = market.attesterOf(verifier);
        if (revoked) reasons |= LeaseReasons.VERIFIER_REVOKED;
    }

    /// @dev Slots of which more can be said than that they are out of range: from the second day of 1970, so
    ///      that local slots are not negative, and such that the end has 32 bits too.
    function _isStay(LeaseRequest calldata r) private pure returns (bool) {
        return
            r.slots >= 1 &&
            r.slots <= Slots.MAX_STAY &&
            r.startSlot >= DAY_SLOTS &&
            r.startSlot <= type(uint32).max - Slots.MAX_STAY;
    }

    function _refusedTimes(
        OfferWordB b,
        uint256 startSlot,
        uint256 slots
    ) internal pure returns (uint256 reasons) {
        uint256 start = b.localSlot(startSlot);
        uint256 end = start + slots;
        if (WeeklyHours.touched(start, end) & ~b.hoursOfWeek() != 0)
            reasons = LeaseReasons.HOURS_NOT_SHARED;
        if (start / DAY_SLOTS < b.firstDay() || (end - 1) / DAY_SLOTS > b.lastDay())
            reasons |= LeaseReasons.DAYS_NOT_SHARED;
    }
}
