// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The account a call speaks for, directly or through the one trusted forwarder (ERC-2771)
/// @dev Not OpenZeppelin's ERC2771Context: that one overrides `_msgSender`, which AccessControl uses too.
///      Here admin verbs and withdrawals see the raw `msg.sender` by construction.
abstract contract Sender {
    address public immutable trustedForwarder;

    constructor(address forwarder) {
        trustedForwarder = forwarder;
    }

    /// @dev ERC-2771; the forwarder asks before it relays.
    function isTrustedForwarder(address forwarder) public view returns (bool) {
        return forwarder == trustedForwarder;
    }

    function _sender() internal view returns (address) {
        if (msg.sender == trustedForwarder && msg.data.length >= 20) {
            return address(bytes20(msg.data[msg.data.length - 20:]));
        }
        return msg.sender;
    }
}
