// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {
    Berth_DaysNotShared,
    Berth_HoursNotShared,
    Berth_OfferNotLive,
    Berth_StayOutOfOffer
} from "../interfaces/BerthErrors.sol";
import {OfferWordA, OfferWordB} from "../libraries/OfferWord.sol";
import {SpaceWord0} from "../libraries/SpaceWord.sol";
import {WeeklyHours} from "../libraries/WeeklyHours.sol";
import {Spaces} from "./Spaces.sol";

/// @title Offers: immutable, numbered within their space, several live at once; verbs in `Publishing`
abstract contract Offers is Spaces {
    mapping(uint256 offerKey => OfferWordA) internal _offerA;
    mapping(uint256 offerKey => OfferWordB) internal _offerB;

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
    function _offerKey(uint256 spaceId, uint256 number) internal pure returns (uint256) {
        return (spaceId << 16) | number;
    }
}
