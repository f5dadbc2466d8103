// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Every error carries the numbers that its caller needs to understand and mend it.

/// @notice A value outside its range.
/// @param field name of the argument, ASCII, right-padded
error Berth_OutOfRange(bytes32 field, uint256 value, uint256 min, uint256 max);
/// @notice An account that must not be zero, or not this one.
error Berth_BadAccount(bytes32 field, address account);
/// @notice Two lists of a batch that must be equally long.
error Berth_LengthMismatch(uint256 first, uint256 second);
/// @notice An extension made for another asset, registry or forwarder.
error Berth_ExtensionMismatch(address extension);

// ---- titles
/// @notice The caller is not the authority of this city.
error Berth_NotAuthority(uint256 city, address caller);
/// @notice An edition that is not the next one.
error Berth_EditionOutOfOrder(uint256 city, uint256 current, uint256 given);

/// @notice The caller is not the market that holds this space.
error Berth_NotHolder(uint256 spaceId, address caller);

/// @notice A city that published more than 1000 editions may publish one a day: this one then (Unix seconds).
error Berth_EditionTooSoon(uint256 city, uint256 edition, uint256 from);

// ---- attesters
/// @notice No attester has this id, or not in the role that is needed.
error Berth_AttesterUnknown(uint256 id);
/// @notice This id was given to an account before; ids are given once.
error Berth_AttesterTaken(uint256 id, address account);
/// @notice This attester's word counts no longer.
error Berth_AttesterRevoked(uint256 id);
/// @notice The caller is not the attester with this id.
error Berth_NotAttester(uint256 id, address caller);
/// @notice A signature that is not by the one whose word is needed.
error Berth_BadSignature(bytes32 what, address expected);

// ---- spaces and offers
/// @notice The registration does not comply; all its reasons at once.
/// @param reasons bits of `Reasons`
error Berth_NotCompliant(uint256 reasons);
/// @notice The space is not registered in this market.
error Berth_SpaceUnknown(uint256 spaceId);
/// @notice The caller is not the owner of this space, nor its manager where a manager would do.
error Berth_NotOwner(uint256 spaceId, address caller);
/// @notice The space has had 65,534 offers.
error Berth_TooManyOffers(uint256 spaceId);
/// @notice An offer's last day is before its first.
error Berth_DaysReversed(uint256 firstDay, uint256 lastDay);

/// @notice The space was delisted before.
error Berth_Delisted(uint256 spaceId);
/// @notice The space is listed, or was until too short a while ago: it can be released then (Unix seconds;
///         0 = not delisted).
error Berth_ReleaseTooSoon(uint256 spaceId, uint256 from);

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
/// @notice The stay starts before the current slot.
error Berth_StartInPast(uint256 startSlot, uint256 currentSlot);
/// @notice The stay starts more than 90 days ahead.
error Berth_StartTooFar(uint256 startSlot, uint256 lastStartSlot);
/// @notice At least one slot of the stay is taken.
error Berth_CalendarTaken(uint256 spaceId, uint256 startSlot, uint256 slots);
/// @notice The same space and start slot have been leased 65,535 times.
error Berth_EpochExhausted(uint256 spaceId, uint256 startSlot);
/// @notice The vehicle is registered for another driver; zero: for nobody.
error Berth_VehicleNotDrivers(bytes32 plateCommitment, address driver, address caller);
/// @notice The vehicle's attestation ends before the stay does.
error Berth_VehicleLapses(bytes32 plateCommitment, uint256 untilSlot, uint256 endSlot);
/// @notice The deposit is more than the driver agreed to.
error Berth_CostAboveMaximum(uint256 deposit, uint256 maxCost);
/// @notice There is no such lease; or its start slot has been leased anew since.
error Berth_LeaseUnknown(uint256 leaseId);
/// @notice The lease is in a state in which this verb is not legal.
/// @param state see LeaseView
error Berth_WrongState(uint256 leaseId, uint256 state);
/// @notice Too early or too late: legal in [from, until), block time.
error Berth_OutOfTime(uint256 leaseId, uint256 from, uint256 until, uint256 now_);
/// @notice The caller is not the driver of this lease.
error Berth_NotDriver(uint256 leaseId, address driver, address caller);
/// @notice The caller is not whom this lease pays.
error Berth_NotPayee(uint256 leaseId, address payee, address caller);
/// @notice The caller is neither the driver of this lease nor whom it pays.
error Berth_NotParty(uint256 leaseId, address caller);

// ---- disputes
/// @notice The lease is disputed: only a decision, an agreement or time ends it.
error Berth_Disputed(uint256 leaseId);
/// @notice The lease is not disputed: there is nothing to decide.
error Berth_NotDisputed(uint256 leaseId);
/// @notice More than the lease has in escrow.
error Berth_CostAboveDeposit(uint256 cost, uint256 deposit);
/// @notice The agreement was made about another deposit than the lease has now.
error Berth_DepositChanged(uint256 deposit, uint256 agreed);
/// @notice The agreement was to be brought until then (Unix seconds).
error Berth_AgreementExpired(uint256 validUntil, uint256 now_);

// ---- evidence
/// @notice A record that is none of 1 ARRIVED, 2 LEFT, 3 BLOCKED, 4 NOSHOW.
error Berth_KindUnknown(uint256 kind);
/// @notice A record's time outside [earliest, latest].
error Berth_EvidenceTime(bytes32 field, uint256 value, uint256 earliest, uint256 latest);

// ---- money
/// @notice The account's credit does not cover the amount.
error Berth_CreditTooLow(address account, uint256 credit, uint256 wanted);
/// @notice There are fewer fees to withdraw than wanted.
error Berth_FeesTooLow(uint256 fees, uint256 wanted);
/// @notice The account has not asked for payouts.
error Berth_PayoutNotWanted(address account);
/// @notice The token moved another amount than it was asked to.
error Berth_TokenAmount(uint256 asked, uint256 moved);

// ---- pause
/// @notice Registering, publishing and leasing are paused until then (Unix seconds).
error Berth_Paused(uint256 until);
/// @notice There is no pause to end.
error Berth_NotPaused();
/// @notice The last pause is too near: the next may begin then (Unix seconds).
error Berth_PausedTooSoon(uint256 earliest);
