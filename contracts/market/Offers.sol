// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IParkingMarket} from "../interfaces/IParkingMarket.sol";
import {OfferTerms} from "../interfaces/BerthTypes.sol";
import {
    Berth_DaysNotShared,
    Berth_HoursNotShared,
    Berth_NotOwner,
    Berth_OfferNotLive,
    Berth_StayOutOfOffer,
    Berth_TooManyOffers
} from "../interfaces/BerthErrors.sol";
import {OfferWord, OfferWordA, OfferWordB} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {SpaceWord0} from "../libraries/SpaceWord.sol";
import {WeeklyHours} from "../libraries/WeeklyHours.sol";
import {Spaces} from "./Spaces.sol";

/// @title Offers: immutable, numbered within their space, several live at once
abstract contract Offers is Spaces {
    mapping(uint256 offerKey => OfferWordA) private _offerA;
    mapping(uint256 offerKey => OfferWordB) private _offerB;

    /// @inheritdoc IParkingMarket
    function publishOffer(
        uint256 spaceId,
        OfferTerms calldata terms
    ) external whenNotPaused returns (uint16 number) {
        SpaceWord0 space = _space(spaceId);
        address owner = _sender();
        if (owner != space.owner()) revert Berth_NotOwner(spaceId, owner);
        uint256 last = space.lastOffer();
        if (last == type(uint16).max) revert Berth_TooManyOffers(spaceId);

        number = uint16(last + 1);
        (OfferWordA a, OfferWordB b) = OfferWord.pack(terms, _config.feeBps);
        uint256 key = _offerKey(spaceId, number);
        _offerA[key] = a;
        _offerB[key] = b;
        _space0[spaceId] = space.withNextOffer();
        // registered spaces have ids of 64 bits
        emit OfferPublished(
            uint64(spaceId),
            owner,
            space.cell(),
            number,
            OfferWordA.unwrap(a),
            OfferWordB.unwrap(b)
        );
    }

    /// @inheritdoc IParkingMarket
    function offerOf(
        uint256 spaceId,
        uint256 number
    ) external view returns (uint256 wordA, uint256 wordB) {
        Range.between("number", number, 1, type(uint16).max);
        uint256 key = _offerKey(spaceId, number);
        return (OfferWordA.unwrap(_offerA[key]), OfferWordB.unwrap(_offerB[key]));
    }

    /// @notice The prices of a live offer, if it allows the stay.
    /// @return a the offer's word A
    function _offerFor(
        uint256 spaceId,
        SpaceWord0 space,
        uint256 number,
        uint256 startSlot,
        uint256 slots
    ) internal view returns (OfferWordA a) {
        if (number < space.firstLive() || number > space.lastOffer()) {
            revert Berth_OfferNotLive(spaceId, number, space.firstLive(), space.lastOffer());
        }
        OfferWordB b = _offerB[_offerKey(spaceId, number)];
        if (slots < b.minSlots() || slots > b.maxSlots()) {
            revert Berth_StayOutOfOffer(slots, b.minSlots(), b.maxSlots());
        }
        uint256 localStart = b.localSlot(startSlot);
        uint256 localEnd;
        uint256 endDay;
        unchecked {
            // startSlot has been compared with the current slot, and slots is at least 1 and at most 672
            localEnd = localStart + slots;
            endDay = (localEnd - 1) / 96;
        }
        uint256 hoursWanted = WeeklyHours.touched(localStart, localEnd);
        if (hoursWanted & ~b.hoursOfWeek() != 0)
            revert Berth_HoursNotShared(hoursWanted, b.hoursOfWeek());
        uint256 startDay = localStart / 96;
        if (startDay < b.firstDay() || endDay > b.lastDay()) {
            revert Berth_DaysNotShared(startDay, endDay, b.firstDay(), b.lastDay());
        }
        return _prices(spaceId, number);
    }

    function _prices(uint256 spaceId, uint256 number) internal view returns (OfferWordA) {
        return _offerA[_offerKey(spaceId, number)];
    }

    /// @dev `number` is at most 16 bits wherever it comes from storage or has passed the live check.
    function _offerKey(uint256 spaceId, uint256 number) private pure returns (uint256) {
        return (spaceId << 16) | number;
    }
}
