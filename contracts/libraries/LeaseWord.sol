// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LeaseView} from "../interfaces/BerthTypes.sol";

// Low to high: driver 160 | state 3 | disputed 1 | slots 10 | offer number 16 | epoch 16 | kWh cap 8 |
// arrived 14 (minute + 1 from start; 0 = none) | until 14 (minute) | energy used 12 (100 Wh) | no-show 1.
type LeaseWord is uint256;

using LeaseWordLib for LeaseWord global;

/// @title The one storage word of a lease; nobody else shifts its bits
library LeaseWordLib {
    uint256 internal constant NONE = 0;
    uint256 internal constant BOOKED = 1;
    uint256 internal constant PARKED = 2;
    uint256 internal constant CLAIMED = 3;
    uint256 internal constant SETTLED = 4;
    uint256 internal constant CANCELLED = 5;
    uint256 internal constant BLOCKED = 6;

    uint256 private constant STATE_MASK = 7 << 160;
    uint256 private constant DISPUTED = 1 << 163;
    uint256 private constant NO_SHOW = 1 << 254;

    /// @dev Callers have checked: slots <= 672, offer and epoch <= 65535, kwhCap <= 255.
    function pack(
        address driver_,
        uint256 slots_,
        uint256 offer_,
        uint256 epoch_,
        uint256 kwhCap_
    ) internal pure returns (LeaseWord) {
        return
            LeaseWord.wrap(
                uint256(uint160(driver_)) |
                    (BOOKED << 160) |
                    (slots_ << 164) |
                    (offer_ << 174) |
                    (epoch_ << 190) |
                    (kwhCap_ << 206)
            );
    }

    function driver(LeaseWord w) internal pure returns (address) {
        return address(uint160(LeaseWord.unwrap(w)));
    }

    function state(LeaseWord w) internal pure returns (uint256) {
        return (LeaseWord.unwrap(w) >> 160) & 7;
    }

    function disputed(LeaseWord w) internal pure returns (bool) {
        return LeaseWord.unwrap(w) & DISPUTED != 0;
    }

    function slots(LeaseWord w) internal pure returns (uint256) {
        return (LeaseWord.unwrap(w) >> 164) & 1023;
    }

    function offer(LeaseWord w) internal pure returns (uint256) {
        return uint16(LeaseWord.unwrap(w) >> 174);
    }

    function epoch(LeaseWord w) internal pure returns (uint256) {
        return uint16(LeaseWord.unwrap(w) >> 190);
    }

    function kwhCap(LeaseWord w) internal pure returns (uint256) {
        return uint8(LeaseWord.unwrap(w) >> 206);
    }

    /// @return minute of arrival from the start, plus 1; 0 = none on record
    function arrived(LeaseWord w) internal pure returns (uint256) {
        return (LeaseWord.unwrap(w) >> 214) & 0x3fff;
    }

    function until(LeaseWord w) internal pure returns (uint256) {
        return (LeaseWord.unwrap(w) >> 228) & 0x3fff;
    }

    /// @return units of 100 Wh
    function energyUsed(LeaseWord w) internal pure returns (uint256) {
        return (LeaseWord.unwrap(w) >> 242) & 0xfff;
    }

    /// @notice The lock of a disputed lease saw nobody come.
    function noShow(LeaseWord w) internal pure returns (bool) {
        return LeaseWord.unwrap(w) & NO_SHOW != 0;
    }

    function withState(LeaseWord w, uint256 state_) internal pure returns (LeaseWord) {
        return LeaseWord.wrap((LeaseWord.unwrap(w) & ~STATE_MASK) | (state_ << 160));
    }

    /// @dev Only while no arrival is on record; arrivedPlusOne <= 15 * 672 + 1 < 2^14.
    function withArrival(LeaseWord w, uint256 arrivedPlusOne) internal pure returns (LeaseWord) {
        return LeaseWord.wrap(LeaseWord.unwrap(w) | (arrivedPlusOne << 214));
    }

    /// @dev Only once; until_ <= 15 * 672 + 5 + 1440 < 2^14, energyUsed_ <= 2550 < 2^12.
    function withDeparture(
        LeaseWord w,
        uint256 until_,
        uint256 energyUsed_
    ) internal pure returns (LeaseWord) {
        return LeaseWord.wrap(LeaseWord.unwrap(w) | (until_ << 228) | (energyUsed_ << 242));
    }

    function withDispute(LeaseWord w) internal pure returns (LeaseWord) {
        return LeaseWord.wrap(LeaseWord.unwrap(w) | DISPUTED);
    }

    function withNoShow(LeaseWord w) internal pure returns (LeaseWord) {
        return LeaseWord.wrap(LeaseWord.unwrap(w) | NO_SHOW);
    }

    /// @dev The sums fit: at most 672 slots and 255 kWh.
    function withMore(
        LeaseWord w,
        uint256 moreSlots,
        uint256 moreKwh
    ) internal pure returns (LeaseWord) {
        unchecked {
            return LeaseWord.wrap(LeaseWord.unwrap(w) + (moreSlots << 164) + (moreKwh << 206));
        }
    }

    function unpack(LeaseWord w) internal pure returns (LeaseView memory v) {
        v.driver = w.driver();
        v.state = uint8(w.state());
        v.disputed = w.disputed();
        v.slots = uint16(w.slots());
        v.offer = uint16(w.offer());
        v.epoch = uint16(w.epoch());
        v.kwhCap = uint8(w.kwhCap());
        v.arrived = uint16(w.arrived());
        v.until = uint16(w.until());
        v.energyUsed = uint16(w.energyUsed());
        v.noShow = w.noShow();
    }
}
