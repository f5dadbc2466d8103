// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketCore} from "../interfaces/IMarketCore.sol";
import {OfferTerms} from "../interfaces/BerthTypes.sol";
import {Berth_TooManyOffers} from "../interfaces/BerthErrors.sol";
import {OfferWord, OfferWordA, OfferWordB} from "../libraries/OfferWord.sol";
import {Slots} from "../libraries/Slots.sol";
import {SpaceWord0} from "../libraries/SpaceWord.sol";
import {Offers} from "./Offers.sol";

/// @title Publishing offers
abstract contract Publishing is IMarketCore, Offers {
    // the number after the last must fit 16 bits too
    uint256 private constant MAX_OFFERS = type(uint16).max - 1;

    /// @inheritdoc IMarketCore
    function publishOffer(
        uint256 spaceId,
        OfferTerms calldata terms
    ) external whenNotPaused returns (uint16 number) {
        SpaceWord0 space = _managedSpace(spaceId, _sender());
        // a space that lapsed or was delisted can be leased by nobody
        _checkValid(spaceId, space, Slots.current(block.timestamp) + 1);
        uint256 last = space.lastOffer();
        if (last == MAX_OFFERS) revert Berth_TooManyOffers(spaceId);

        number = uint16(last + 1);
        (OfferWordA a, OfferWordB b) = OfferWord.pack(terms, _config.feeBps);
        uint256 key = _offerKey(spaceId, number);
        _offerA[key] = a;
        _offerB[key] = b;
        _space0[spaceId] = space.withNextOffer();
        // registered spaces have ids of 64 bits
        emit OfferPublished(
            uint64(spaceId),
            space.owner(),
            space.cell(),
            number,
            OfferWordA.unwrap(a),
            OfferWordB.unwrap(b)
        );
    }
}
