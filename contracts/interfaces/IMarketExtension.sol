// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {
    Agreement,
    ExtendRequest,
    LeaseTimes,
    LeaseView,
    LockProof,
    SpaceRegistration
} from "./BerthTypes.sol";

/// @title The rarer verbs of a market: changes, disputes, change of owner, payouts, governance; the reads
/// @dev Call them on the market, which serves them from its extension. Ids: see `IMarketCore`.
interface IMarketExtension {
    // ---- verbs of an owner, and of a manager where it says so
    /// @notice Withdraws all offers below `firstLive`; leases under them go on. Owner or manager.
    function withdrawOffers(uint256 spaceId, uint256 firstLive) external;

    /// @notice Takes slots out of sharing. Owner or manager.
    /// @return leaseId of the block, as a lease in state Blocked
    function blockSlots(
        uint256 spaceId,
        uint256 startSlot,
        uint256 slots
    ) external returns (uint256 leaseId);

    /// @notice Gives a block's remaining slots back. Owner or manager.
    function unblock(uint256 leaseId) external;

    /// @notice Names the one manager of a space; zero = nobody.
    function setManager(uint256 spaceId, address manager) external;

    /// @notice A new lock for the space. The old key's word still counts for leases that began before, up to now.
    function rotateLock(uint256 spaceId, LockProof calldata lock) external;

    /// @notice The owner renews a registration, or the holder in a newer edition takes the space over; offers
    ///         published before still pay the former owner. Reverts with `Berth_NotCompliant(reasons)`, where
    ///         `reasons` is what `takeOverCompliance` answers for the same input.
    function takeOver(SpaceRegistration calldata registration) external;

    /// @notice Ends sharing of a space; closes no lease. Its owner; anybody once its title or its lock's
    ///         maker is revoked.
    function delist(uint256 spaceId) external;

    /// @notice Lets go of a space whose last lease must have ended, 98 days after it was delisted, so that
    ///         it may be registered anew, here or in another market. Anybody.
    function release(uint256 spaceId) external;

    // ---- verbs of the payee of a lease: who owned the space when its offer was published
    /// @notice Ends a lease that nobody has used: full refund, and from the payee's credit the cancellation
    ///         charge, or once it has started the no-show charge, for the driver.
    function ownerCancel(uint256 leaseId) external;

    // ---- verbs of a driver
    /// @notice More slots, more energy, or both, under the same offer; the difference goes into escrow.
    function extend(ExtendRequest calldata request) external;

    /// @notice Another vehicle of the driver for the rest of the lease.
    function changeVehicle(uint256 leaseId, bytes32 plateCommitment) external;

    // ---- disputes
    /// @notice Stops every early end: only `resolve`, `agree` or T3 closes the lease. Driver or payee.
    function dispute(uint256 leaseId) external;

    /// @notice Decides a disputed lease. Arbiter, the raw sender.
    /// @param cost what the driver pays in all, at most the deposit
    function resolve(uint256 leaseId, uint256 cost) external;

    /// @notice Ends a lease as its driver and its payee agree. Anybody brings it; who brings it need not sign.
    /// @param driverSignature of `Agreement`, ECDSA or ERC-1271
    function agree(
        Agreement calldata agreement,
        bytes calldata driverSignature,
        bytes calldata payeeSignature
    ) external;

    // ---- payouts
    /// @notice Lets anybody have the caller's credit paid out, to the caller alone.
    function setAutoPayout(bool enabled) external;

    /// @notice Pays the whole credit of an account that wants payouts to that account.
    function payout(address account) external;

    /// @notice `payout`, 1 to 100 times; one that fails does not stop the others.
    function payoutBatch(address[] calldata accounts) external;

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
    /// @notice Every reason why `owner` may not renew or take over this space; zero = may.
    function takeOverCompliance(
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
    /// @notice Start, end and the deadlines of a lease that is or was one (not a block).
    function timesOf(uint256 leaseId) external view returns (LeaseTimes memory);
    /// @notice Whom leases under this offer pay: the owner at the time it was published.
    function payeeOf(uint256 spaceId, uint256 offer) external view returns (address);
    /// @return word0 and word1 and word2 of the space, see `SpaceWord`
    function spaceOf(
        uint256 spaceId
    ) external view returns (uint256 word0, uint256 word1, uint256 word2);
    function managerOf(uint256 spaceId) external view returns (address);
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
    function autoPayoutOf(address account) external view returns (bool);
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
