// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {
    SpaceRegistration,
    VehicleProof,
    LeaseRequest,
    OfferTerms,
    Occupancy,
    Permit
} from "./BerthTypes.sol";

/// @title The everyday verbs of a market: registering, publishing, leasing, evidence, closing, money in and out
/// @dev Slots are 15 minutes since the Unix epoch. spaceId = city << 32 | index.
///      leaseId = spaceId << 48 | startSlot << 16 | epoch. Amounts are minor units of the asset.
interface IMarketCore {
    // ---- verbs of an owner
    /// @notice Registers a space of the caller for sharing. Reverts with `Berth_NotCompliant(reasons)`, where
    ///         `reasons` is what `compliance` answers for the same input.
    function registerSpace(
        SpaceRegistration calldata registration
    ) external returns (uint64 spaceId);

    /// @notice Publishes an offer; it is immutable and carries the fee of this moment. Owner or manager.
    /// @return number of the offer within the space, the first is 1
    function publishOffer(
        uint256 spaceId,
        OfferTerms calldata terms
    ) external returns (uint16 number);

    // ---- verbs of a driver
    /// @notice Registers a vehicle of the caller by a verifier's attestation.
    function registerVehicle(VehicleProof calldata vehicle) external;

    /// @notice Leases a space: the maximum cost goes into escrow, from credit first, the rest from the
    ///         caller's token balance, in this transaction.
    function lease(LeaseRequest calldata request) external returns (uint256 leaseId);

    /// @notice Registers the vehicle and leases, in one transaction.
    function leaseWithVehicle(
        LeaseRequest calldata request,
        VehicleProof calldata vehicle
    ) external returns (uint256 leaseId);

    /// @notice As `leaseWithVehicle`, with the allowance for the deposit by the caller's signature (ERC-2612).
    /// @param vehicle with an empty signature: the vehicle is registered already
    /// @param permit spent by somebody else before: the lease goes on with the allowance there is
    function leaseWithPermit(
        LeaseRequest calldata request,
        VehicleProof calldata vehicle,
        Permit calldata permit
    ) external returns (uint256 leaseId);

    /// @notice Ends a lease before it starts: free until the offer's hours before the start, then at its price.
    function cancel(uint256 leaseId) external;

    // ---- verbs of anybody
    /// @notice Brings what a lock saw. ARRIVED parks the lease. LEFT settles it; it claims it when it bills
    ///         overstay and the caller is not the driver, or when the lease is disputed. BLOCKED, by somebody
    ///         else's car, refunds a lease that nobody could use. NOSHOW charges one that nobody used; while
    ///         disputed it only goes on record.
    function record(Occupancy calldata occupancy, bytes calldata signature) external;

    /// @notice `record`, 1 to 100 times. What could change nothing any more, because it was brought before or the
    ///         lease has ended, is passed over; any other bad item reverts them all.
    function recordBatch(Occupancy[] calldata occupancies, bytes[] calldata signatures) external;

    /// @notice Ends a lease whose time has come: Booked or Parked from T1, Claimed from T2 (its driver at any
    ///         time), disputed ones from T3.
    function close(uint256 leaseId) external;

    /// @notice `close`, 1 to 100 times; leases that have ended are passed over.
    function closeBatch(uint256[] calldata leaseIds) external;

    /// @notice Adds to the caller's credit from the caller's token balance.
    function deposit(uint256 amount) external;

    /// @notice Adds to another account's credit from the caller's token balance.
    function depositFor(address account, uint256 amount) external;

    /// @notice `deposit` with the allowance by the caller's signature (ERC-2612).
    function depositWithPermit(uint256 amount, Permit calldata permit) external;

    /// @notice Pays out from the caller's credit. The raw sender: never through a forwarder.
    function withdraw(address to, uint256 amount) external;

    // ---- reads
    function creditOf(address account) external view returns (uint256);
    /// @notice The contract that serves the verbs of `IMarketExtension` on this market's storage.
    function extension() external view returns (address);
}
