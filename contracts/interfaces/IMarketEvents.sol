// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title What happened, told so that every balance, state and calendar can be rebuilt from it
/// @dev Amounts are minor units of the asset. Ids: see `IMarketCore`.
interface IMarketEvents {
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

    /// @notice A lease was made longer, or its energy cap higher; totals from now on.
    /// @param deposit escrow of this lease from now on
    /// @param pulled part of the difference taken from the driver's token balance; the rest came from credit
    /// @param plateCommitment the lease's vehicle from now on
    event Extended(
        uint256 indexed leaseId,
        address indexed driver,
        uint16 slots,
        uint8 kwhCap,
        uint128 deposit,
        uint128 pulled,
        bytes32 plateCommitment
    );
    /// @notice The lease's vehicle from now on.
    event VehicleChanged(uint256 indexed leaseId, address indexed driver, bytes32 plateCommitment);
    event Disputed(uint256 indexed leaseId, address indexed by);
    /// @notice A disputed lease's lock saw nobody come; charged if nobody decides.
    event NoShowRecorded(uint256 indexed leaseId, uint40 until);
    /// @notice An owner paid a driver for the lease that the owner cancelled, from credit to credit.
    event Compensated(
        uint256 indexed leaseId,
        address indexed from,
        address indexed to,
        uint128 amount
    );
    /// @notice An item of a batch was passed over, because it could change nothing any more.
    event Skipped(uint256 indexed leaseId);
    /// @notice Slots taken out of sharing by the owner or a manager; no money.
    event Blocked(uint256 indexed leaseId, address indexed by, uint16 slots);
    event Unblocked(uint256 indexed leaseId, address indexed by);
    /// @notice Offers below `firstLive` can no longer be leased.
    event OffersWithdrawn(uint64 indexed spaceId, uint16 firstLive);
    /// @param manager may publish, withdraw offers, block and unblock; zero = nobody
    event ManagerSet(uint64 indexed spaceId, address indexed manager);
    /// @param since offers from this number on belong to the new owner
    event SpaceTakenOver(
        uint64 indexed spaceId,
        address indexed from,
        address indexed to,
        uint16 since
    );
    event LockRotated(
        uint64 indexed spaceId,
        address indexed previous,
        address indexed current,
        uint8 maker,
        uint16 validDay
    );
    /// @notice No new lease of this space from now on; leases that exist go on.
    event SpaceDelisted(uint64 indexed spaceId, address indexed by);
    event AutoPayoutSet(address indexed account, bool enabled);
    /// @notice A payout in a batch failed and its credit stayed; the others went on.
    event PayoutFailed(address indexed account);
}
