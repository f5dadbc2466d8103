// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Word 0, low to high: owner 160 | first live offer 16 | last offer 16 | since 16 | validDay 16 | cell 32.
// `since` = number of the first offer of the present owner; 1 until a space changes hands.
type SpaceWord0 is uint256;
// Word 1, low to high: lock key 160 | height cm 16 | width cm 16 | length cm 16 | connectors 8 |
// power in 100 W 16 | device maker 8 | title edition 16.
type SpaceWord1 is uint256;
// Word 2, zero until it is needed, low to high: previous lock key 160 | rotated at (Unix seconds) 40 |
// day of delisting 16 (0 = listed).
type SpaceWord2 is uint256;

using SpaceWord for SpaceWord0 global;
using SpaceWord for SpaceWord1 global;
using SpaceWord for SpaceWord2 global;

/// @title The words of a registered space
/// @dev Callers have checked the ranges of what they pack.
library SpaceWord {
    /// @notice A new owner: only offers from `since_` on are his, and none of them is live yet.
    function pack0(
        address owner_,
        uint256 since_,
        uint256 validDay_,
        uint256 cell_
    ) internal pure returns (SpaceWord0) {
        return
            SpaceWord0.wrap(
                uint256(uint160(owner_)) |
                    (since_ << 160) |
                    ((since_ - 1) << 176) |
                    (since_ << 192) |
                    (validDay_ << 208) |
                    (cell_ << 224)
            );
    }

    /// @param dimensions height | width | length, 16 bits each, low to high
    function pack1(
        address key,
        uint256 dimensions,
        uint256 connectors_,
        uint256 power_,
        uint256 maker_,
        uint256 edition_
    ) internal pure returns (SpaceWord1) {
        return
            SpaceWord1.wrap(
                uint256(uint160(key)) |
                    (dimensions << 160) |
                    (connectors_ << 208) |
                    (power_ << 216) |
                    (maker_ << 232) |
                    (edition_ << 240)
            );
    }

    function pack2(
        address previousKey_,
        uint256 rotatedAt_,
        uint256 delistedDay_
    ) internal pure returns (SpaceWord2) {
        return
            SpaceWord2.wrap(
                uint256(uint160(previousKey_)) | (rotatedAt_ << 160) | (delistedDay_ << 200)
            );
    }

    function owner(SpaceWord0 w) internal pure returns (address) {
        return address(uint160(SpaceWord0.unwrap(w)));
    }

    function firstLive(SpaceWord0 w) internal pure returns (uint256) {
        return uint16(SpaceWord0.unwrap(w) >> 160);
    }

    function lastOffer(SpaceWord0 w) internal pure returns (uint256) {
        return uint16(SpaceWord0.unwrap(w) >> 176);
    }

    function since(SpaceWord0 w) internal pure returns (uint256) {
        return uint16(SpaceWord0.unwrap(w) >> 192);
    }

    function validDay(SpaceWord0 w) internal pure returns (uint256) {
        return uint16(SpaceWord0.unwrap(w) >> 208);
    }

    function cell(SpaceWord0 w) internal pure returns (uint32) {
        return uint32(SpaceWord0.unwrap(w) >> 224);
    }

    /// @notice The word with one more offer; the caller has checked that there is room.
    function withNextOffer(SpaceWord0 w) internal pure returns (SpaceWord0) {
        return SpaceWord0.wrap(SpaceWord0.unwrap(w) + (1 << 176));
    }

    /// @dev firstLive_ at most the last offer's number + 1.
    function withFirstLive(SpaceWord0 w, uint256 firstLive_) internal pure returns (SpaceWord0) {
        return
            SpaceWord0.wrap(
                (SpaceWord0.unwrap(w) & ~(uint256(type(uint16).max) << 160)) | (firstLive_ << 160)
            );
    }

    function withValidDay(SpaceWord0 w, uint256 validDay_) internal pure returns (SpaceWord0) {
        return
            SpaceWord0.wrap(
                (SpaceWord0.unwrap(w) & ~(uint256(type(uint16).max) << 208)) | (validDay_ << 208)
            );
    }

    function withCell(SpaceWord0 w, uint256 cell_) internal pure returns (SpaceWord0) {
        return SpaceWord0.wrap(uint256(uint224(SpaceWord0.unwrap(w))) | (cell_ << 224));
    }

    function lockKey(SpaceWord1 w) internal pure returns (address) {
        return address(uint160(SpaceWord1.unwrap(w)));
    }

    /// @return centimetres; 0 = open air
    function height(SpaceWord1 w) internal pure returns (uint256) {
        return uint16(SpaceWord1.unwrap(w) >> 160);
    }

    /// @return centimetres
    function width(SpaceWord1 w) internal pure returns (uint256) {
        return uint16(SpaceWord1.unwrap(w) >> 176);
    }

    /// @return centimetres
    function length(SpaceWord1 w) internal pure returns (uint256) {
        return uint16(SpaceWord1.unwrap(w) >> 192);
    }

    function connectors(SpaceWord1 w) internal pure returns (uint256) {
        return uint8(SpaceWord1.unwrap(w) >> 208);
    }

    /// @return units of 100 W
    function power(SpaceWord1 w) internal pure returns (uint256) {
        return uint16(SpaceWord1.unwrap(w) >> 216);
    }

    function maker(SpaceWord1 w) internal pure returns (uint256) {
        return uint8(SpaceWord1.unwrap(w) >> 232);
    }

    function edition(SpaceWord1 w) internal pure returns (uint256) {
        return uint16(SpaceWord1.unwrap(w) >> 240);
    }

    function withLock(
        SpaceWord1 w,
        address key,
        uint256 maker_
    ) internal pure returns (SpaceWord1) {
        uint256 kept =
            SpaceWord1.unwrap(w) &
                ~(uint256(type(uint160).max) | (uint256(type(uint8).max) << 232));
        return SpaceWord1.wrap(kept | uint256(uint160(key)) | (maker_ << 232));
    }

    function previousKey(SpaceWord2 w) internal pure returns (address) {
        return address(uint160(SpaceWord2.unwrap(w)));
    }

    function rotatedAt(SpaceWord2 w) internal pure returns (uint256) {
        return uint40(SpaceWord2.unwrap(w) >> 160);
    }

    function delistedDay(SpaceWord2 w) internal pure returns (uint256) {
        return uint16(SpaceWord2.unwrap(w) >> 200);
    }

    function withDelistedDay(SpaceWord2 w, uint256 day) internal pure returns (SpaceWord2) {
        return pack2(w.previousKey(), w.rotatedAt(), day);
    }
}
