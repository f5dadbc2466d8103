// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LeaseTimes, LeaseView} from "../interfaces/BerthTypes.sol";
import {IParkingMarket} from "../interfaces/IParkingMarket.sol";
import {LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWord, OfferWordA, OfferWordB} from "../libraries/OfferWord.sol";
import {Slots} from "../libraries/Slots.sol";
import {SpaceWord0, SpaceWord1, SpaceWord2} from "../libraries/SpaceWord.sol";
import {Bill, Tariff} from "../libraries/Tariff.sol";
import {IMarketLens} from "./IMarketLens.sol";
import {LeaseQuotes} from "./LeaseQuotes.sol";
import {LeaseVerbs} from "./LeaseVerbs.sol";
import {LensReads} from "./LensReads.sol";
import {BillOf, Costs, LeaseCard, OfferCard, SpaceCard} from "./LensTypes.sol";

/// @title The lens of one market; read `IMarketLens` first
/// @dev Off the hot path: clear before cheap. All prices come from `Tariff`, all deadlines from the market.
contract MarketLens is LeaseQuotes {
    constructor(IParkingMarket market_) LensReads(market_) {}

    /// @inheritdoc IMarketLens
    function leaseCard(uint256 leaseId) external view returns (LeaseCard memory card) {
        LeaseView memory v = market.leaseOf(leaseId);
        card.leaseId = leaseId;
        card.spaceId = Slots.spaceOf(leaseId);
        card.startSlot = Slots.startSlotOf(leaseId);
        card.lease = v;
        if (v.offer == 0) {
            // a block: no offer, no money, no deadline but its end
            card.times.start = Slots.startOf(card.startSlot);
            card.times.end = Slots.startOf(card.startSlot + v.slots);
        } else {
            card.times = market.timesOf(leaseId);
            card.offer = offerCard(card.spaceId, v.offer);
            (OfferWordA a, ) = _offer(card.spaceId, v.offer);
            card.deposit = _deposit(a, v.slots, v.kwhCap);
            card.costs = _costs(a, v, card.times, card.deposit.total);
        }
        card.verbs = LeaseVerbs.legal(v, card.times, card.offer.live, block.timestamp);
    }

    /// @inheritdoc IMarketLens
    function spaceCard(uint256 spaceId) external view returns (SpaceCard memory card) {
        (SpaceWord0 w0, SpaceWord1 w1, SpaceWord2 w2) = _words(spaceId);
        _checkKnown(spaceId, w0);
        card.spaceId = spaceId;
        card.owner = w0.owner();
        card.manager = market.managerOf(spaceId);
        card.firstLive = w0.firstLive();
        card.lastOffer = w0.lastOffer();
        card.liveOffers = w0.lastOffer() + 1 - w0.firstLive();
        card.since = w0.since();
        card.validDay = w0.validDay();
        card.cell = w0.cell();
        card.lockKey = w1.lockKey();
        card.height = w1.height();
        card.width = w1.width();
        card.length = w1.length();
        card.connectors = w1.connectors();
        card.power = w1.power();
        card.maker = w1.maker();
        (, , card.makerRevoked) = market.attesterOf(w1.maker());
        card.titleRevoked = _titles.isRevoked(spaceId >> 32, uint32(spaceId));
        card.edition = w1.edition();
        card.previousKey = w2.previousKey();
        card.rotatedAt = w2.rotatedAt();
        card.delisted = w2.delistedDay() != 0;
        card.delistedDay = w2.delistedDay();
        card.heldHere = _titles.marketOf(spaceId) == address(market);
    }

    /// @inheritdoc IMarketLens
    function calendarOfDay(
        uint256 spaceId,
        uint256 day,
        int256 utcOffsetQuarters
    ) external view returns (uint256) {
        (SpaceWord0 space, , ) = _words(spaceId);
        _checkKnown(spaceId, space);
        return _taken(spaceId, _midnight(day, utcOffsetQuarters), DAY_SLOTS);
    }

    /// @inheritdoc IMarketLens
    function sharedOnDay(
        uint256 spaceId,
        uint256 number,
        uint256 day,
        int256 utcOffsetQuarters
    ) external view returns (uint256 shared) {
        _checkPublished(spaceId, number);
        (, OfferWordB b) = _offer(spaceId, number);
        uint256 slot = _midnight(day, utcOffsetQuarters);
        for (uint256 i = 0; i < DAY_SLOTS; ++i) {
            if (_refusedTimes(b, slot + i, 1) == 0) shared |= 1 << i;
        }
    }

    /// @inheritdoc IMarketLens
    function offerCard(
        uint256 spaceId,
        uint256 number
    ) public view returns (OfferCard memory card) {
        SpaceWord0 space = _checkPublished(spaceId, number);
        (OfferWordA a, OfferWordB b) = _offer(spaceId, number);
        card.spaceId = spaceId;
        card.number = number;
        card.payee = market.payeeOf(spaceId, number);
        card.live = _isLive(space, number);
        card.feeBps = a.feeBps();
        card.terms = OfferWord.unpack(a, b);
    }

    // ---- prices
    function _costs(
        OfferWordA a,
        LeaseView memory v,
        LeaseTimes memory t,
        uint256 deposit
    ) private view returns (Costs memory costs) {
        bool booked = v.state == LeaseWordLib.BOOKED;
        if (booked) costs.notComing = Tariff.partOfRent(a, v.slots, a.noShowPct());
        if (booked && !v.disputed && block.timestamp < t.t1) {
            if (block.timestamp >= t.start) costs.ownerCancelling = costs.notComing;
            else if (block.timestamp + a.freeCancelHours() * 1 hours > t.start) {
                costs.cancelling = Tariff.partOfRent(a, v.slots, a.cancelPct());
                costs.ownerCancelling = costs.cancelling;
            }
        }
        Bill memory bill;
        (costs.billOf, bill) = _bill(a, v, t);
        if (costs.billOf == BillOf.Nothing) return costs;
        costs.rent = bill.rent;
        costs.overstay = bill.overstay;
        costs.energy = bill.energy;
        costs.fee = bill.fee;
        costs.cost = bill.rent + bill.overstay + bill.energy;
        costs.refund = deposit - costs.cost;
    }

    function _bill(
        OfferWordA a,
        LeaseView memory v,
        LeaseTimes memory t
    ) private view returns (BillOf, Bill memory bill) {
        if (v.state == LeaseWordLib.PARKED) {
            if (block.timestamp >= t.t1) return (BillOf.Presumed, Tariff.bookedRent(a, v.slots));
            uint256 minute =
                block.timestamp > t.start ? (block.timestamp - t.start) / 1 minutes : 0;
            // minutes beyond the reserve bill nothing more
            return (BillOf.LeftNow, Tariff.bill(a, v.slots, v.arrived - 1, minute, 0));
        }
        if (v.state == LeaseWordLib.CLAIMED) {
            bill = Tariff.bill(a, v.slots, v.arrived - 1, v.until, v.energyUsed);
            if (v.disputed && block.timestamp >= t.t3)
                return (BillOf.Lapsed, Tariff.lapsed(a, bill));
            return (BillOf.OnFile, bill);
        }
        if (v.state == LeaseWordLib.BOOKED && v.noShow) {
            bill = Tariff.charge(a, Tariff.partOfRent(a, v.slots, a.noShowPct()));
            return (BillOf.NoShow, bill);
        }
        return (BillOf.Nothing, bill);
    }
}
