// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IParkingMarket} from "../interfaces/IParkingMarket.sol";
import {Record} from "../interfaces/BerthTypes.sol";
import {Berth_FeesTooLow} from "../interfaces/BerthErrors.sol";
import {Range} from "../libraries/Range.sol";
import {Escrow} from "./Escrow.sol";
import {Governance} from "./Governance.sol";

/// @title Every settlement, folded into one running hash
/// @dev head' = keccak256(abi.encode(head, recordHash)). Two words prove that an export of all records
///      is complete and unaltered.
abstract contract SettlementLedger is Governance, Escrow {
    struct Ledger {
        bytes32 head; // slot 0
        uint128 fees; // slot 1: fees not yet withdrawn 128 | count of records 64
        uint64 count;
    }

    Ledger private _ledger;

    /// @inheritdoc IParkingMarket
    function ledger() external view returns (bytes32 head, uint64 count, uint128 fees) {
        return (_ledger.head, _ledger.count, _ledger.fees);
    }

    /// @inheritdoc IParkingMarket
    function withdrawFees(address to, uint256 amount) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Range.between("amount", amount, 1, type(uint128).max);
        uint128 fees = _ledger.fees;
        if (fees < amount) revert Berth_FeesTooLow(fees, amount);
        _ledger.fees = fees - uint128(amount);
        emit FeesWithdrawn(to, amount);
        _push(to, amount);
    }

    /// @notice Appends a record: ledger, fees and event.
    function _append(Record memory r) internal {
        Ledger storage book = _ledger;
        bytes32 head = book.head;
        assembly ("memory-safe") {
            // recordHash = keccak256(abi.encode(r)): in memory a record is fourteen words side by side, its own
            // encoding; head' = keccak256(abi.encode(head, recordHash)) in the scratch space
            mstore(0x20, keccak256(r, 448))
            mstore(0x00, head)
            head := keccak256(0x00, 0x40)
        }
        book.head = head;
        // one read and one write of slot 1; no truncation: a fee is at most a tenth of a deposit, and
        // deposits are below 2^91; the sums are checked
        (uint128 fees, uint64 number) = (book.fees, book.count);
        ++number;
        (book.fees, book.count) = (fees + uint128(r.fee), number);
        emit Settled(
            r.leaseId,
            r.driver,
            r.owner,
            number,
            uint8(r.outcome),
            uint16(r.offer),
            uint128(r.rent),
            uint128(r.overstay),
            uint128(r.energy),
            uint128(r.fee),
            uint128(r.refund),
            uint16(r.arrived),
            uint16(r.until),
            uint32(r.energyWh),
            uint40(r.closedAt)
        );
    }
}
