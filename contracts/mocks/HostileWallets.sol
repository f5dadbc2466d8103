// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title An account that is a contract, and answers for its signatures as it was told to. For tests only.
contract ScriptedWallet is IERC1271 {
    error WalletRefuses();

    enum Answer {
        Honest, // asks the key
        Yes, // to whatever it is asked
        No,
        Reverts,
        Burns, // all gas it is given
        Bombs, // the right answer, followed by a megabyte
        Short // the right four bytes, but not the whole word
    }

    address public immutable key;
    Answer public answer;

    constructor(address key_) {
        key = key_;
    }

    function setAnswer(Answer to) external {
        answer = to;
    }

    /// @notice Lets the wallet act, several times in one transaction.
    function act(address target, bytes[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ok, bytes memory result) = target.call(calls[i]); // solhint-disable-line avoid-low-level-calls
            if (!ok) {
                assembly ("memory-safe") {
                    revert(add(result, 32), mload(result))
                }
            }
        }
    }

    function isValidSignature(
        bytes32 hash,
        bytes calldata signature
    ) external view returns (bytes4) {
        bytes4 yes = IERC1271.isValidSignature.selector;
        if (answer == Answer.Yes) return yes;
        if (answer == Answer.Honest) {
            (address signer, , ) = ECDSA.tryRecover(hash, signature);
            return signer == key ? yes : bytes4(0);
        }
        if (answer == Answer.No) return bytes4(0xffffffff);
        if (answer == Answer.Burns) _burn();
        if (answer == Answer.Bombs) _reply(yes, 1_000_000);
        if (answer == Answer.Short) _reply(yes, 4);
        revert WalletRefuses();
    }

    function _burn() private pure {
        assembly ("memory-safe") {
            invalid()
        }
    }

    function _reply(bytes4 word, uint256 length) private pure {
        assembly ("memory-safe") {
            mstore(0, word)
            return(0, length)
        }
    }
}
