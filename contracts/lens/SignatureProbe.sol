// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title Would an account that is not deployed yet sign for this? (ERC-6492)
/// @notice Never deployed: a backend runs the constructor in an `eth_call`. It lets the account's factory make
///         the account and asks it by ERC-1271; the answer is one byte, 1 = yes. Nothing of it stays.
/// @dev Only for accounts without code: those that have some are asked as they are. A factory can do what it
///      likes; what counts is the code that stands at the account's address afterwards, and CREATE2 lets nobody
///      choose that. Neither the factory's answer nor more than a word of the account's is copied.
contract SignatureProbe {
    constructor(
        address account,
        bytes32 hash,
        address factory,
        bytes memory making,
        bytes memory signature
    ) {
        bool yes;
        if (account.code.length == 0) {
            // whatever it answers: the code at the account's address tells whether it did its work
            assembly ("memory-safe") {
                pop(call(gas(), factory, 0, add(making, 32), mload(making), 0, 0))
            }
            yes = account.code.length != 0 && _agrees(account, hash, signature);
        }
        assembly ("memory-safe") {
            mstore(0, yes)
            return(31, 1)
        }
    }

    /// @dev The whole word must be the magic one, as a contract that returns `bytes4` answers it.
    function _agrees(
        address account,
        bytes32 hash,
        bytes memory signature
    ) private view returns (bool yes) {
        bytes4 magic = IERC1271.isValidSignature.selector;
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (hash, signature));
        assembly ("memory-safe") {
            mstore(0, 0)
            let ok := staticcall(gas(), account, add(question, 32), mload(question), 0, 32)
            yes := and(and(ok, gt(returndatasize(), 31)), eq(mload(0), magic))
        }
    }
}
