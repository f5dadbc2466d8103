// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LeaseTimes, LeaseView, OfferTerms} from "../interfaces/BerthTypes.sol";

// What the lens answers. Amounts are minor units of the asset, times Unix seconds UTC.

/// @notice The most that a lease can cost, by its parts.
/// @param rent of all its slots
/// @param reserve for overstay, as long as the offer's reserve
/// @param energy of all the kWh asked for
/// @param total their sum
struct DepositParts {
    uint256 rent;
    uint256 reserve;
    uint256 energy;
    uint256 total;
}

/// @notice One offer.
/// @param payee whom its leases pay: the owner of the space when it was published
/// @param live may be leased, as far as the offer goes: not withdrawn, not of a former owner, not delisted
/// @param feeBps part of the cost that the market keeps, in 1/10000
struct OfferCard {
    uint256 spaceId;
    uint256 number;
    address payee;
    bool live;
    uint256 feeBps;
    OfferTerms terms;
}

/// @notice One registered space: its three words, and what others hold about it.
/// @param firstLive, lastOffer live offers have numbers from the one to the other
/// @param since number of the first offer of the present owner
/// @param validDay last day (UTC) on which a stay may end
/// @param cell geohash of six characters as 30 bits
/// @param height, width, length centimetres; height 0 = open air
/// @param power charger, units of 100 W
/// @param maker attester id of the lock's maker
/// @param makerRevoked, titleRevoked either one lets anybody delist the space
/// @param edition of the title by which it was registered or renewed last
/// @param previousKey, rotatedAt the lock before this one; zero = none
/// @param delistedDay day of delisting, 0 = listed
/// @param heldHere the registry says that this market holds the space: false once it was released
struct SpaceCard {
    uint256 spaceId;
    address owner;
    address manager;
    uint256 firstLive;
    uint256 lastOffer;
    uint256 liveOffers;
    uint256 since;
    uint256 validDay;
    uint256 cell;
    address lockKey;
    uint256 height;
    uint256 width;
    uint256 length;
    uint256 connectors;
    uint256 power;
    uint256 maker;
    bool makerRevoked;
    bool titleRevoked;
    uint256 edition;
    address previousKey;
    uint256 rotatedAt;
    bool delisted;
    uint256 delistedDay;
    bool heldHere;
}

/// @notice Of what a bill in a lease card is the bill.
/// @dev Nothing: Booked, or ended (the ledger has the record), or a block.
///      LeftNow: Parked, before T1: as if its lock saw the car leave at this second, without energy.
///      Presumed: Parked, from T1: the booked rent.
///      OnFile: Claimed: the evidence, which the driver may accept and which time will make good.
///      NoShow: Booked, disputed, its lock saw nobody come: the charge if nobody decides.
///      Lapsed: Claimed, disputed, from T3: the evidence with half its overstay.
enum BillOf {
    Nothing,
    LeftNow,
    Presumed,
    OnFile,
    NoShow,
    Lapsed
}

/// @notice What ending the lease now would cost.
/// @param rent, overstay, energy, fee of the bill; the fee is part of what the payee receives less
/// @param cost rent + overstay + energy
/// @param refund what the driver gets back
/// @param cancelling what the driver pays when cancelling now; zero also where that is illegal
/// @param ownerCancelling what the payee pays the driver when cancelling now; zero also where that is illegal
/// @param notComing what the driver pays if the lock sees nobody come; while Booked
struct Costs {
    BillOf billOf;
    uint256 rent;
    uint256 overstay;
    uint256 energy;
    uint256 fee;
    uint256 cost;
    uint256 refund;
    uint256 cancelling;
    uint256 ownerCancelling;
    uint256 notComing;
}

/// @notice Who may do what with a lease at this second: bits of `LeaseVerbs`.
/// @dev State and clock are judged, not arguments, signatures, funds. A verb that anybody may call is in
///      `driver`, `payee` and `anybody`; the driver who is the payee too may what either may.
/// @param steward the owner or manager of the space
struct Verbs {
    uint256 driver;
    uint256 payee;
    uint256 anybody;
    uint256 arbiter;
    uint256 steward;
}

/// @notice One lease, or a block of an owner (state 6, of which offer, deposit and t1 to t3 are zero).
/// @param lease the word, unpacked; the vehicle is in events alone
/// @param deposit in escrow while the lease is open
struct LeaseCard {
    uint256 leaseId;
    uint256 spaceId;
    uint256 startSlot;
    LeaseView lease;
    LeaseTimes times;
    OfferCard offer;
    DepositParts deposit;
    Costs costs;
    Verbs verbs;
}

/// @notice What a lease would take, and all that stands against it.
/// @param reasons bits of `LeaseReasons`; zero = `lease` will be accepted in this block
/// @param deposit zero where space, offer, slots or energy leave nothing to compute
/// @param credit of the driver
/// @param pulled part of the deposit that would come from the driver's token balance
struct Quote {
    uint256 reasons;
    DepositParts deposit;
    uint256 credit;
    uint256 pulled;
}
