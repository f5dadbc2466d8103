// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LeaseView} from "../interfaces/BerthTypes.sol";
import {LeaseWord, LeaseWordLib} from "../libraries/LeaseWord.sol";
import {OfferWordA, OfferWordB} from "../libraries/OfferWord.sol";
import {SlotCalendar} from "../libraries/SlotCalendar.sol";
import {Bill, Tariff} from "../libraries/Tariff.sol";
import {WeeklyHours} from "../libraries/WeeklyHours.sol";

// Doors to the libraries, for tests that compare them with Python: many cases a call, so that they are fast.

/// @title SlotCalendar over a storage of its own
contract CalendarHarness {
    using SlotCalendar for mapping(uint256 => uint256);

    struct Step {
        uint256 verb; // 0 free, 1 book, 2 release
        uint256 spaceId;
        uint256 startSlot;
        uint256 slots;
    }

    mapping(uint256 key => uint256) private _words;

    /// @return answers free (verb 0) or taken (verb 1); words as they are at last under `keys`
    function run(
        Step[] calldata steps,
        uint256[] calldata keys
    ) external returns (bool[] memory answers, uint256[] memory words) {
        answers = new bool[](steps.length);
        for (uint256 i = 0; i < steps.length; ++i) {
            Step calldata s = steps[i];
            if (s.verb == 0) answers[i] = _words.free(s.spaceId, s.startSlot, s.slots);
            else if (s.verb == 1) answers[i] = _words.book(s.spaceId, s.startSlot, s.slots);
            else _words.release(s.spaceId, s.startSlot, s.slots);
        }
        words = new uint256[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) words[i] = _words[keys[i]];
    }
}

/// @title Tariff, for many stays at once
contract TariffHarness {
    struct Stay {
        uint256 wordA;
        uint256 slots;
        uint256 kwhCap;
        uint256 arrivedMinute;
        uint256 untilMinute;
        uint256 energyUsed;
    }

    struct Answer {
        uint256 deposit;
        Bill bill;
        Bill booked;
        uint256 billedMinutes;
        uint256 overMinutes;
    }

    function bills(Stay[] calldata stays) external pure returns (Answer[] memory answers) {
        answers = new Answer[](stays.length);
        for (uint256 i = 0; i < stays.length; ++i) {
            Stay calldata s = stays[i];
            OfferWordA a = OfferWordA.wrap(s.wordA);
            answers[i] = Answer({
                deposit: Tariff.deposit(a, s.slots, s.kwhCap),
                bill: Tariff.bill(a, s.slots, s.arrivedMinute, s.untilMinute, s.energyUsed),
                booked: Tariff.bookedRent(a, s.slots),
                billedMinutes: Tariff.billedMinutes(
                    a,
                    15 * s.slots,
                    s.arrivedMinute,
                    s.untilMinute
                ),
                overMinutes: Tariff.overMinutes(a, 15 * s.slots, s.untilMinute)
            });
        }
    }
}

/// @title WeeklyHours and the local time of offers, for many stays at once
contract HoursHarness {
    /// @param stays word B, start slot, slots
    function touched(uint256[3][] calldata stays) external pure returns (uint256[] memory masks) {
        masks = new uint256[](stays.length);
        for (uint256 i = 0; i < stays.length; ++i) {
            uint256 localStart = OfferWordB.wrap(stays[i][0]).localSlot(stays[i][1]);
            masks[i] = WeeklyHours.touched(localStart, localStart + stays[i][2]);
        }
    }
}

/// @title LeaseWord: what is packed comes out again
contract LeaseWordHarness {
    struct Fields {
        address driver;
        uint256 slots;
        uint256 offer;
        uint256 epoch;
        uint256 kwhCap;
        uint256 arrived;
        uint256 until;
        uint256 energyUsed;
        uint256 state;
    }

    function round(
        Fields[] calldata fields
    ) external pure returns (uint256[] memory words, LeaseView[] memory views) {
        words = new uint256[](fields.length);
        views = new LeaseView[](fields.length);
        for (uint256 i = 0; i < fields.length; ++i) {
            Fields calldata f = fields[i];
            LeaseWord w = LeaseWordLib.pack(f.driver, f.slots, f.offer, f.epoch, f.kwhCap);
            w = w.withArrival(f.arrived).withDeparture(f.until, f.energyUsed).withState(f.state);
            words[i] = LeaseWord.unwrap(w);
            views[i] = w.unpack();
        }
    }
}
