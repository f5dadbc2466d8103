// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Berth_BadAccount, Berth_SpaceUnknown} from "../interfaces/BerthErrors.sol";
import {IParkingMarket} from "../interfaces/IParkingMarket.sol";
import {ITitleRegistry} from "../interfaces/ITitleRegistry.sol";
import {OfferWordA, OfferWordB} from "../libraries/OfferWord.sol";
import {Range} from "../libraries/Range.sol";
import {SpaceWord0, SpaceWord1, SpaceWord2} from "../libraries/SpaceWord.sol";
import {Tariff} from "../libraries/Tariff.sol";
import {IMarketLens} from "./IMarketLens.sol";
import {DepositParts} from "./LensTypes.sol";

/// @title What the parts of the lens read of their market
abstract contract LensReads is IMarketLens {
    uint256 internal constant DAY_SLOTS = 96;

    /// @inheritdoc IMarketLens
    IParkingMarket public immutable market;
    ITitleRegistry internal immutable _titles;
    IERC20 internal immutable _asset;

    constructor(IParkingMarket market_) {
        if (address(market_) == address(0)) revert Berth_BadAccount("market", address(market_));
        market = market_;
        _titles = ITitleRegistry(market_.titles());
        _asset = IERC20(market_.asset());
    }

    // ---- the market's words
    function _words(uint256 spaceId) internal view returns (SpaceWord0, SpaceWord1, SpaceWord2) {
        (uint256 w0, uint256 w1, uint256 w2) = market.spaceOf(spaceId);
        return (SpaceWord0.wrap(w0), SpaceWord1.wrap(w1), SpaceWord2.wrap(w2));
    }

    function _checkKnown(uint256 spaceId, SpaceWord0 space) internal pure {
        if (space.owner() == address(0)) revert Berth_SpaceUnknown(spaceId);
    }

    function _checkPublished(
        uint256 spaceId,
        uint256 number
    ) internal view returns (SpaceWord0 space) {
        (space, , ) = _words(spaceId);
        _checkKnown(spaceId, space);
        Range.between("number", number, 1, space.lastOffer());
    }

    /// @dev `number` has 16 bits.
    function _offer(
        uint256 spaceId,
        uint256 number
    ) internal view returns (OfferWordA, OfferWordB) {
        (uint256 a, uint256 b) = market.offerOf(spaceId, number);
        return (OfferWordA.wrap(a), OfferWordB.wrap(b));
    }

    function _isLive(SpaceWord0 space, uint256 number) internal pure returns (bool) {
        return number >= space.firstLive() && number <= space.lastOffer();
    }

    // ---- the calendar
    /// @notice The first slot of a local day.
    function _midnight(uint256 day, int256 utcOffset) internal pure returns (uint256) {
        Range.between("day", day, 1, type(uint16).max);
        unchecked {
            // as for the terms of an offer: shifted, so that one unsigned range covers it
            Range.atMost("utcOffset", uint256(utcOffset + 48), 104);
        }
        return uint256(int256(day * DAY_SLOTS) - utcOffset);
    }

    /// @return bit i = slot first + i is taken
    /// @param count at most 96, so that two words of the calendar hold them
    function _taken(uint256 spaceId, uint256 first, uint256 count) internal view returns (uint256) {
        uint256 offset = first & 255;
        uint256 bits = market.calendarOf(spaceId, first >> 8) >> offset;
        if (offset + count > 256) {
            bits |= market.calendarOf(spaceId, (first >> 8) + 1) << (256 - offset);
        }
        return bits & ((1 << count) - 1);
    }

    // ---- prices
    /// @dev Each part is what the others leave when they are nothing, so that there is one formula.
    function _deposit(
        OfferWordA a,
        uint256 slots,
        uint256 kwhCap
    ) internal pure returns (DepositParts memory parts) {
        parts.reserve = Tariff.deposit(a, 0, 0);
        parts.rent = Tariff.deposit(a, slots, 0) - parts.reserve;
        parts.energy = Tariff.deposit(a, 0, kwhCap) - parts.reserve;
        parts.total = Tariff.deposit(a, slots, kwhCap);
    }
}
