// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {OpenToken} from "./HostileTokens.sol";

/// @title A token whose permit does anything but permit. For tests only.
contract PermitToken is OpenToken {
    error NoPermits();

    enum Mode {
        Nothing, // accepts whatever comes and allows nothing, like tokens with a fallback function
        Reverts,
        Burns, // all gas it is given
        Bombs, // reverts with a megabyte
        Calls // somebody, whose answer is kept
    }

    Mode public mode;
    address private _target;
    bytes private _data;
    bool public succeeded;

    function setMode(Mode to) external {
        mode = to;
    }

    function arm(address target, bytes calldata data) external {
        (mode, _target, _data) = (Mode.Calls, target, data);
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        if (mode == Mode.Nothing) return;
        if (mode == Mode.Reverts) revert NoPermits();
        if (mode == Mode.Burns) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (mode == Mode.Bombs) {
            assembly ("memory-safe") {
                revert(0, 1000000)
            }
        }
        (succeeded, ) = _target.call(_data); // solhint-disable-line avoid-low-level-calls
    }
}

/// @title A token that shrinks balances, and whose receivers may burn gas, bomb or refuse. For tests only.
contract GriefToken is OpenToken {
    error ReceiverRefuses(address account);

    enum Receiver {
        Plain,
        Refuses,
        Burns, // all gas it is given
        Bombs // reverts with a megabyte
    }

    mapping(address account => Receiver) public receivers;

    function setReceiver(address account, Receiver to) external {
        receivers[account] = to;
    }

    /// @notice A negative rebase of one account.
    function shrink(address account, uint256 amount) external {
        _burn(account, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        Receiver receiver = receivers[to];
        if (receiver == Receiver.Refuses) revert ReceiverRefuses(to);
        if (receiver == Receiver.Burns) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (receiver == Receiver.Bombs) {
            assembly ("memory-safe") {
                revert(0, 1000000)
            }
        }
        super._update(from, to, value);
    }
}
