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
        bytes32 recordHash = keccak256(abi.encode(r));
        _ledger.head = keccak256(abi.encode(_ledger.head, recordHash));
        uint64 number = _ledger.count + 1;
        _ledger.count = number;
        // no truncation: a fee is at most a tenth of a deposit, and deposits are below 2^91;
        // the sum is checked
        _ledger.fees += uint128(r.fee);
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
