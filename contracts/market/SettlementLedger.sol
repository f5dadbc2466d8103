// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Record} from "../interfaces/BerthTypes.sol";
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

    Ledger internal _ledger;

    /// @notice Appends a record: ledger, fees and event. The record in memory is used up.
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
        (uint128 fees, uint64 count) = (book.fees, book.count);
        unchecked {
            // 2^64 settlements are out of reach
            ++count;
        }
        (book.fees, book.count) = (fees + uint128(r.fee), count);
        bytes32 topic = Settled.selector;
        assembly ("memory-safe") {
            // emit Settled: from the offer on, a record is the event's data in its order; number and outcome take
            // the places of owner and driver before it. Every field fits its type: see Record
            let outcome := mload(add(r, 0x20))
            let owner := mload(add(r, 0x40))
            let driver := mload(add(r, 0x60))
            mstore(add(r, 0x40), count)
            mstore(add(r, 0x60), outcome)
            log4(add(r, 0x40), 384, topic, mload(r), driver, owner)
        }
    }
}
