// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";

/// @title Relays signed verbs for accounts without gas (ERC-2771)
contract BerthForwarder is ERC2771Forwarder {
    constructor() ERC2771Forwarder("Berth Forwarder") {}
}
