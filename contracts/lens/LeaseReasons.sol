// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Why a lease would be refused: one bit a reason, the same numbers off-chain
/// @dev In the order in which the market checks: `lease` reverts with the error of the lowest bit.
library LeaseReasons {
    uint256 internal constant PAUSED = 1 << 0; // Berth_Paused
    uint256 internal constant SPACE_UNKNOWN = 1 << 1; // Berth_SpaceUnknown
    uint256 internal constant SLOTS_OUT_OF_RANGE = 1 << 2; // Berth_OutOfRange "slots"
    uint256 internal constant KWH_OUT_OF_RANGE = 1 << 3; // Berth_OutOfRange "kwhCap"
    uint256 internal constant START_IN_PAST = 1 << 4; // Berth_StartInPast
    uint256 internal constant START_TOO_FAR = 1 << 5; // Berth_StartTooFar
    uint256 internal constant SPACE_LAPSES = 1 << 6; // Berth_SpaceLapses
    uint256 internal constant OFFER_NOT_LIVE = 1 << 7; // Berth_OfferNotLive
    uint256 internal constant STAY_TOO_SHORT = 1 << 8; // Berth_StayOutOfOffer
    uint256 internal constant STAY_TOO_LONG = 1 << 9; // Berth_StayOutOfOffer
    uint256 internal constant HOURS_NOT_SHARED = 1 << 10; // Berth_HoursNotShared
    uint256 internal constant DAYS_NOT_SHARED = 1 << 11; // Berth_DaysNotShared
    uint256 internal constant VEHICLE_NOT_DRIVERS = 1 << 12; // Berth_VehicleNotDrivers
    uint256 internal constant VEHICLE_LAPSES = 1 << 13; // Berth_VehicleLapses
    uint256 internal constant VERIFIER_REVOKED = 1 << 14; // Berth_AttesterRevoked
    uint256 internal constant COST_ABOVE_MAXIMUM = 1 << 15; // Berth_CostAboveMaximum
    uint256 internal constant CALENDAR_TAKEN = 1 << 16; // Berth_CalendarTaken
    uint256 internal constant EPOCH_EXHAUSTED = 1 << 17; // Berth_EpochExhausted
    uint256 internal constant ALLOWANCE_TOO_LOW = 1 << 18; // the token's own error
    uint256 internal constant BALANCE_TOO_LOW = 1 << 19; // the token's own error
}
