// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {
    SpaceRegistration,
    OfferTerms,
    VehicleProof,
    LeaseRequest,
    Occupancy,
    LeaseView
} from "./BerthTypes.sol";

/// @title One market of parking leases in one currency
/// @notice Trust: a city's authority for titles; verifiers for the identity of owners and vehicles; a lock's
///         key for rent and bought energy, never alone for overstay; the admin (a timelock) for attesters and
///         the fee of *later* offers. Nobody has power over the credit or escrow of anybody else.
/// @dev Slots are 15 minutes since the Unix epoch. spaceId = city << 32 | index.
///      leaseId = spaceId << 48 | startSlot << 16 | epoch. Amounts are minor units of the asset.
interface IParkingMarket {
    // ---- events: first the two associations that the platform broadcasts
    /// @notice First association: owner's account, space, address information, offer.
    /// @param wordA packed prices and terms, see `OfferWord`
    /// @param wordB packed hours, days and limits, see `OfferWord`
    event OfferPublished(
        uint64 indexed spaceId,
        address indexed owner,
        uint32 indexed cell,
        uint16 number,
        uint256 wordA,
        uint256 wordB
    );
    /// @notice Second association: driver's account, space, address information, offer.
    /// @param deposit escrow of this lease
    /// @param pulled part of the deposit taken from the driver's token balance; the rest came from credit
    event Leased(
        uint256 indexed leaseId,
        address indexed driver,
        uint32 indexed cell,
        uint16 slots,
        uint16 offer,
        uint8 kwhCap,
        uint128 deposit,
        uint128 pulled,
        bytes32 plateCommitment
    );
    event SpaceRegistered(
        uint64 indexed spaceId,
        address indexed owner,
        address indexed lockKey,
        uint32 cell,
        bytes32 addressHash,
        uint64 attributes,
        uint8 connectors,
        uint16 power,
        uint8 maker,
        uint16 validDay
    );
    event VehicleRegistered(
        bytes32 indexed plateCommitment,
        address indexed driver,
        uint32 untilSlot,
        uint8 verifier,
        uint8 size
    );
    event Deposited(address indexed account, address indexed from, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    /// @param arrived minute of arrival from the start, plus 1
    event Arrived(uint256 indexed leaseId, uint40 from, uint16 arrived);
    /// @notice A departure with overstay is on file and waits for the driver, or for time.
    event OverstayClaimed(
        uint256 indexed leaseId,
        uint16 arrived,
        uint16 until,
        uint16 energyUsed,
        uint128 overstay
    );
    /// @notice A lease has ended; the whole record. `number` starts at 1 and has no gap.
    event Settled(
        uint256 indexed leaseId,
        address indexed driver,
        address indexed owner,
        uint64 number,
        uint8 outcome,
        uint16 offer,
        uint128 rent,
        uint128 overstay,
        uint128 energy,
        uint128 fee,
        uint128 refund,
        uint16 arrived,
        uint16 until,
        uint32 energyWh,
        uint40 closedAt
    );
    event FeeSet(uint16 feeBps);
    event FeesWithdrawn(address indexed to, uint256 amount);
    /// @param roles bit 0 verifies holders, bit 1 verifies vehicles, bit 2 makes locks
    event AttesterSet(uint8 indexed id, address indexed account, uint8 roles);
    event AttesterRevoked(uint8 indexed id);
    event AttestationRevoked(uint8 indexed id, uint256 indexed nonce);
    event Paused(uint40 until);
    event Unpaused();

    // ---- verbs of an owner
    /// @notice Registers a space of the caller for sharing. Reverts with `Berth_NotCompliant(reasons)`, where
    ///         `reasons` is what `compliance` answers for the same input.
    function registerSpace(
        SpaceRegistration calldata registration
    ) external returns (uint64 spaceId);

    /// @notice Publishes an offer; it is immutable and carries the fee of this moment.
    /// @return number of the offer within the space, the first is 1
    function publishOffer(
        uint256 spaceId,
        OfferTerms calldata terms
    ) external returns (uint16 number);

    // ---- verbs of a driver
    /// @notice Registers a vehicle of the caller by a verifier's attestation.
    function registerVehicle(VehicleProof calldata vehicle) external;

    /// @notice Adds to the caller's credit from the caller's token balance.
    function deposit(uint256 amount) external;

    /// @notice Adds to another account's credit from the caller's token balance.
    function depositFor(address account, uint256 amount) external;

    /// @notice Leases a space: the maximum cost goes into escrow, from credit first, the rest from the
    ///         caller's token balance, in this transaction.
    function lease(LeaseRequest calldata request) external returns (uint256 leaseId);

    /// @notice Registers the vehicle and leases, in one transaction.
    function leaseWithVehicle(
        LeaseRequest calldata request,
        VehicleProof calldata vehicle
    ) external returns (uint256 leaseId);

    // ---- verbs of anybody
    /// @notice Brings what a lock saw. ARRIVED parks the lease; LEFT settles it, or, when it bills overstay
    ///         and the caller is not the driver, claims it.
    function record(Occupancy calldata occupancy, bytes calldata signature) external;

    /// @notice Ends a lease whose time has come: Booked or Parked from T1, Claimed from T2 (its driver at any time).
    function close(uint256 leaseId) external;

    /// @notice Pays out from the caller's credit. The raw sender: never through a forwarder.
    function withdraw(address to, uint256 amount) external;

    // ---- verbs of the admin (timelock), the guardian and attesters
    function setFee(uint256 feeBps) external;
    function withdrawFees(address to, uint256 amount) external;
    /// @notice Gives a free attester id to an account, for good.
    /// @param roles bit 0 verifies holders, bit 1 verifies vehicles, bit 2 makes locks; at least one
    function setAttester(uint256 id, address account, uint256 roles) external;
    /// @notice Revokes an attester at once and for good. Admin or guardian.
    function revokeAttester(uint256 id) external;
    /// @notice An attester takes one of its attestations back, by nonce.
    function revokeAttestation(uint256 id, uint256 nonce) external;
    /// @notice Stops registering, publishing and leasing for at most 7 days. Guardian.
    function pause() external;
    function unpause() external;

    // ---- reads
    /// @notice Every reason why `owner` may not register this space: bits of `Reasons`; zero = compliant.
    function compliance(
        address owner,
        SpaceRegistration calldata registration
    ) external view returns (uint256 reasons);
    /// @notice The deposit that a lease would take under an offer.
    function quote(
        uint256 spaceId,
        uint256 offer,
        uint256 slots,
        uint256 kwhCap
    ) external view returns (uint256);
    function leaseOf(uint256 leaseId) external view returns (LeaseView memory);
    function depositOf(uint256 leaseId) external view returns (uint256);
    /// @return word0 and word1 of the space, see `SpaceWord`
    function spaceOf(uint256 spaceId) external view returns (uint256 word0, uint256 word1);
    /// @return wordA and wordB of the offer, see `OfferWord`
    function offerOf(
        uint256 spaceId,
        uint256 number
    ) external view returns (uint256 wordA, uint256 wordB);
    function vehicleOf(
        bytes32 plateCommitment
    ) external view returns (address driver, uint32 untilSlot, uint8 verifier, uint8 size);
    /// @notice 256 slots of a space's calendar, one bit a slot, set = taken.
    function calendarOf(uint256 spaceId, uint256 word) external view returns (uint256);
    function creditOf(address account) external view returns (uint256);
    function attesterOf(
        uint256 id
    ) external view returns (address account, uint8 roles, bool revoked);
    function attestationRevoked(uint256 id, uint256 nonce) external view returns (bool);
    /// @return head running hash over all records; count of records; fees not yet withdrawn
    function ledger() external view returns (bytes32 head, uint64 count, uint128 fees);
    function config()
        external
        view
        returns (uint16 feeBps, uint40 pausedUntil, uint128 revokedAttesters);
    function asset() external view returns (address);
    function titles() external view returns (address);
}
