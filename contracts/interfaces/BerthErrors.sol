// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Every error carries the numbers that its caller needs to understand and mend it.

/// @notice A value outside its range.
/// @param field name of the argument, ASCII, right-padded
error Berth_OutOfRange(bytes32 field, uint256 value, uint256 min, uint256 max);
/// @notice An account that must not be zero, or not this one.
error Berth_BadAccount(bytes32 field, address account);

// ---- titles
error Berth_NotAuthority(uint256 city, address caller);
/// @notice An edition that is not the next one.
error Berth_EditionOutOfOrder(uint256 city, uint256 current, uint256 given);

// ---- attesters
error Berth_AttesterUnknown(uint256 id);
error Berth_AttesterTaken(uint256 id, address account);
error Berth_AttesterRevoked(uint256 id);
error Berth_NotAttester(uint256 id, address caller);
/// @notice A signature that is not by the one whose word is needed.
error Berth_BadSignature(bytes32 what, address expected);

// ---- spaces and offers
/// @param reasons bits of `Reasons`
error Berth_NotCompliant(uint256 reasons);
error Berth_SpaceUnknown(uint256 spaceId);
error Berth_NotOwner(uint256 spaceId, address caller);
error Berth_TooManyOffers(uint256 spaceId);
error Berth_DaysReversed(uint256 firstDay, uint256 lastDay);

// ---- leases
/// @notice The offer is not among the live ones of this space.
error Berth_OfferNotLive(uint256 spaceId, uint256 offer, uint256 firstLive, uint256 last);
/// @notice The stay is shorter or longer than the offer allows.
error Berth_StayOutOfOffer(uint256 slots, uint256 minSlots, uint256 maxSlots);
/// @notice The stay touches an hour of the week that the offer does not share.
error Berth_HoursNotShared(uint256 wantedHours, uint256 sharedHours);
/// @notice The stay leaves the offer's local dates.
error Berth_DaysNotShared(uint256 startDay, uint256 endDay, uint256 firstDay, uint256 lastDay);
/// @notice Title, owner's identity or lock attestation lapse before the stay ends.
error Berth_SpaceLapses(uint256 spaceId, uint256 endDay, uint256 validDay);
error Berth_StartInPast(uint256 startSlot, uint256 currentSlot);
error Berth_StartTooFar(uint256 startSlot, uint256 lastStartSlot);
/// @notice At least one slot of the stay is taken.
error Berth_CalendarTaken(uint256 spaceId, uint256 startSlot, uint256 slots);
/// @notice The same space and start slot have been leased 65,535 times.
error Berth_EpochExhausted(uint256 spaceId, uint256 startSlot);
error Berth_VehicleNotDrivers(bytes32 plateCommitment, address driver, address caller);
error Berth_VehicleLapses(bytes32 plateCommitment, uint256 untilSlot, uint256 endSlot);
error Berth_CostAboveMaximum(uint256 deposit, uint256 maxCost);
error Berth_LeaseUnknown(uint256 leaseId);
/// @param state see LeaseView
error Berth_WrongState(uint256 leaseId, uint256 state);
/// @notice Too early or too late: legal in [from, until), block time.
error Berth_OutOfTime(uint256 leaseId, uint256 from, uint256 until, uint256 now_);

// ---- evidence
error Berth_KindUnknown(uint256 kind);
/// @notice A record's time outside [earliest, latest].
error Berth_EvidenceTime(bytes32 field, uint256 value, uint256 earliest, uint256 latest);

// ---- money
error Berth_CreditTooLow(address account, uint256 credit, uint256 wanted);
error Berth_FeesTooLow(uint256 fees, uint256 wanted);
/// @notice The token moved another amount than it was asked to.
error Berth_TokenAmount(uint256 asked, uint256 moved);

// ---- pause
error Berth_Paused(uint256 until);
error Berth_NotPaused();
error Berth_PausedTooSoon(uint256 earliest);
