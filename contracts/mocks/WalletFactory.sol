// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ScriptedWallet} from "./HostileWallets.sol";

/// @title Makes wallets at addresses that are known beforehand, or does worse. For tests only.
contract WalletFactory {
    error FactoryRefuses();

    function make(
        address key,
        ScriptedWallet.Answer answer,
        bytes32 salt
    ) external returns (address wallet) {
        ScriptedWallet made = new ScriptedWallet{salt: salt}(key);
        made.setAnswer(answer);
        return address(made);
    }

    function refuse() external pure {
        revert FactoryRefuses();
    }

    /// @notice Answers what only a wallet should.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }

    function burn() external pure {
        assembly ("memory-safe") {
            invalid()
        }
    }

    function bomb() external pure {
        assembly ("memory-safe") {
            return(0, 1000000)
        }
    }
}
