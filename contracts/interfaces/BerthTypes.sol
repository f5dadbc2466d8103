// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// Every number that comes from outside is a full 256-bit word here, so that a value out of its
// range ends in a named error and never in a silent truncation or an empty revert.

/// @notice One record of a city's title edition, exactly as it is hashed into the Merkle tree.
/// @dev Leaf = keccak256(keccak256(abi.encode(city, index, saltedHolder, addressHash, cell, attributes, validDay))).
/// @param city 32-bit city number (UN/LOCODE read in base 36)
/// @param index 32-bit position of the title in the city, stable across editions
/// @param saltedHolder keccak256(salt, holder's identity)
/// @param addressHash keccak256(salt, normalised address)
/// @param cell geohash of six characters as 30 bits
/// @param attributes kind 8 | sharing allowed 1 | height cm 16 | width cm 16 | length cm 16, low to high
/// @param validDay last day of validity, days since 1970-01-01 UTC
struct Title {
    uint256 city;
    uint256 index;
    bytes32 saltedHolder;
    bytes32 addressHash;
    uint256 cell;
    uint256 attributes;
    uint256 validDay;
}

/// @notice A verifier's word that a wallet is the holder behind a salted identity.
/// @dev Signed: HolderAttestation(address wallet,bytes32 saltedHolder,uint16 validDay,uint256 nonce).
/// @param verifier attester id, 1 to 127
/// @param validDay last day of validity, UTC
/// @param nonce names this attestation, so that its verifier can revoke it alone
/// @param signature 65 bytes, secp256k1
struct HolderProof {
    uint256 verifier;
    uint256 validDay;
    uint256 nonce;
    bytes signature;
}

/// @notice A lock's key with its maker's attestation and its own proof of possession.
/// @dev Signed by the maker: LockAttestation(address lock,uint16 validDay);
///      signed by the lock: LockPossession(address lock,uint64 spaceId,address owner).
/// @param key address of the lock's secp256k1 key
/// @param maker attester id, 1 to 127
/// @param validDay last day of validity, UTC
struct LockProof {
    address key;
    uint256 maker;
    uint256 validDay;
    bytes makerSignature;
    bytes possession;
}

/// @notice All that an owner brings to register one space.
/// @param proof Merkle path of the title in its city's current edition
/// @param connectors charger connectors, one bit a kind (bit 0 Type 2, 1 CCS2, 2 CHAdeMO, 3 Type 1,
///        4 NACS, 5 GB/T AC, 6 GB/T DC, 7 domestic socket); 0 = no charger
/// @param power charger power, units of 100 W; 0 = no charger
struct SpaceRegistration {
    Title title;
    bytes32[] proof;
    HolderProof holder;
    LockProof lock;
    uint256 connectors;
    uint256 power;
}

/// @notice The terms of an offer as its owner gives them.
/// @param pricePerSlot minor units of the asset for 15 minutes, 1 to 2^80 - 1
/// @param pricePerKwh minor units for one kWh, 0 to 2^80 - 1
/// @param overstayPct price of overstay, percent of the normal price, 100 to 1000
/// @param reserveMinutes longest overstay the deposit covers, 0 to 1440
/// @param minimumPct part of the booked rent due even when leaving early, 0 to 100
/// @param freeCancelHours cancelling is free until this long before the start
/// @param noShowPct part of the booked rent due for a no-show, 0 to 100
/// @param cancelPct part of the booked rent due for a late cancellation, 0 to noShowPct
/// @param hoursOfWeek 168 bits, bit 0 = Monday 00:00 to 01:00 in the offer's local time
/// @param utcOffset offset of the offer's local time, quarter hours, -48 to 56
/// @param firstDay first local day, days since 1970-01-01
/// @param lastDay last local day, inclusive
/// @param minSlots shortest lease in slots of 15 minutes, at least 1
/// @param maxSlots longest lease, at most 672 (seven days)
/// @param flags what the unlock requires and other public marks
struct OfferTerms {
    uint256 pricePerSlot;
    uint256 pricePerKwh;
    uint256 overstayPct;
    uint256 reserveMinutes;
    uint256 minimumPct;
    uint256 freeCancelHours;
    uint256 noShowPct;
    uint256 cancelPct;
    uint256 hoursOfWeek;
    int256 utcOffset;
    uint256 firstDay;
    uint256 lastDay;
    uint256 minSlots;
    uint256 maxSlots;
    uint256 flags;
}

/// @notice A verifier's word that a driver may use the vehicle behind a plate commitment.
/// @dev Signed: VehicleAttestation(address driver,bytes32 plateCommitment,uint8 size,uint32 untilSlot).
/// @param plateCommitment keccak256(salt, normalised plate); the plate itself never appears on-chain
/// @param size 1 small, 2 medium, 3 large, 4 van
/// @param untilSlot first slot that is no longer covered
/// @param verifier attester id, 1 to 127
struct VehicleProof {
    bytes32 plateCommitment;
    uint256 size;
    uint256 untilSlot;
    uint256 verifier;
    bytes signature;
}

/// @notice What a driver leases.
/// @param spaceId city << 32 | index
/// @param startSlot first slot, 15-minute slots since the Unix epoch
/// @param slots number of slots, 1 to 672
/// @param offer number of a live offer of that space
/// @param kwhCap most energy to be bought, kWh, 0 to 255
/// @param plateCommitment the vehicle, registered before or in the same call
/// @param maxCost the most the driver agrees to put into escrow, minor units
struct LeaseRequest {
    uint256 spaceId;
    uint256 startSlot;
    uint256 slots;
    uint256 offer;
    uint256 kwhCap;
    bytes32 plateCommitment;
    uint256 maxCost;
}

/// @notice An allowance by signature (ERC-2612), of the caller for the market.
/// @param amount minor units
/// @param deadline Unix seconds UTC
struct Permit {
    uint256 amount;
    uint256 deadline;
    uint256 v;
    bytes32 r;
    bytes32 s;
}

/// @notice What a driver adds to a lease.
/// @param slots more slots, 0 to 671
/// @param kwh more energy, kWh, 0 to 255; not both zero
/// @param plateCommitment the lease's vehicle from now on, attested until the new end
/// @param maxCost the most the driver agrees to have in escrow for the whole lease, minor units
struct ExtendRequest {
    uint256 leaseId;
    uint256 slots;
    uint256 kwh;
    bytes32 plateCommitment;
    uint256 maxCost;
}

/// @notice What driver and payee agree to.
/// @dev Signed: Agreement(uint256 leaseId,uint256 deposit,uint256 cost,uint256 validUntil).
/// @param deposit of the lease when they agreed, minor units: an extension voids the agreement
/// @param cost what the driver pays in all, minor units, at most the deposit
/// @param validUntil Unix seconds UTC, inclusive
struct Agreement {
    uint256 leaseId;
    uint256 deposit;
    uint256 cost;
    uint256 validUntil;
}

/// @notice What a lock saw, signed with the lock's own key; anybody may bring it.
/// @dev Signed: Occupancy(uint256 leaseId,uint8 kind,uint40 from,uint40 until,uint32 energyWh).
/// @param kind 1 ARRIVED, 2 LEFT, 3 BLOCKED by somebody else's car, 4 NOSHOW
/// @param from Unix seconds UTC when the vehicle came; for NOSHOW when watching began
/// @param until occupied (NOSHOW: seen empty) at least until, Unix seconds UTC (ARRIVED: equal to `from`)
/// @param energyWh energy charged, watt-hours; only with LEFT
struct Occupancy {
    uint256 leaseId;
    uint256 kind;
    uint256 from;
    uint256 until;
    uint256 energyWh;
}

/// @notice A lease, unpacked from its storage word.
/// @param state 0 None, 1 Booked, 2 Parked, 3 Claimed, 4 Settled, 5 Cancelled, 6 Blocked
/// @param arrived minute of arrival from the start, plus 1; 0 = none on record
/// @param until minute of departure from the start; 0 = none on record
/// @param energyUsed units of 100 Wh
/// @param noShow the lock of a disputed lease saw nobody come
struct LeaseView {
    address driver;
    uint8 state;
    bool disputed;
    uint16 slots;
    uint16 offer;
    uint16 epoch;
    uint8 kwhCap;
    uint16 arrived;
    uint16 until;
    uint16 energyUsed;
    bool noShow;
}

/// @notice The instants of a lease, Unix seconds UTC. At each the earlier verb ends and the later begins.
/// @param t1 end + reserve + 24 h: evidence before, closing from here on
/// @param t2 t1 + 48 h: a claim matures
/// @param t3 t2 + 7 d: a dispute that nobody decided ends
struct LeaseTimes {
    uint256 start;
    uint256 end;
    uint256 t1;
    uint256 t2;
    uint256 t3;
}

/// @notice One closed lease as the ledger records it.
/// @dev recordHash = keccak256(abi.encode(this struct)); head' = keccak256(abi.encode(head, recordHash)).
/// @param number position in the ledger, the first is 1
/// @param outcome see Outcome
/// @param rent, overstay, energy, fee, refund minor units below 2^91; owner's share = rent + overstay + energy - fee;
///        a charge for cancelling or not coming, an award and an agreed sum are kept as rent
/// @param arrived minute of arrival from the start, plus 1, below 2^14; 0 = none on record
/// @param until minute of departure from the start, below 2^14
/// @param energyWh energy billed, Wh, below 2^19
/// @param closedAt Unix seconds UTC, block time
struct Record {
    uint256 leaseId;
    uint256 outcome;
    address owner;
    address driver;
    uint256 offer;
    uint256 rent;
    uint256 overstay;
    uint256 energy;
    uint256 fee;
    uint256 refund;
    uint256 arrived;
    uint256 until;
    uint256 energyWh;
    uint256 closedAt;
}

/// @notice How a lease ended. State Cancelled for 5 to 8, Settled for the others.
/// @dev Departed: the lock's record, billed at once. Accepted: overstay accepted by the driver.
///      Matured: overstay claim undisputed for its whole period. Presumed: arrival on record, then
///      silence: booked rent. Unused: nobody ever arrived and nobody spoke: full refund.
///      Cancelled by the driver, CancelledByOwner. Obstructed: somebody else's car: full refund.
///      NoShow: the lock saw nobody come. Resolved by the arbiter, Agreed by both: one sum, kept as rent.
///      Lapsed: a disputed claim that nobody decided: the evidence, overstay halved.
enum Outcome {
    None,
    Departed,
    Accepted,
    Matured,
    Presumed,
    Unused,
    Cancelled,
    CancelledByOwner,
    Obstructed,
    NoShow,
    Resolved,
    Agreed,
    Lapsed
}
