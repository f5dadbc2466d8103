// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

// Tokens that do what tokens should not. For tests only: anybody may mint and turn the knobs.

/// @dev What all of them share.
abstract contract OpenToken is ERC20 {
    constructor() ERC20("Hostile", "HST") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @title Keeps a part of every transfer
contract FeeToken is OpenToken {
    uint256 public feeBps = 100;

    function setFee(uint256 bps) external {
        feeBps = bps;
    }

    function _update(address from, address to, uint256 value) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : (value * feeBps) / 10_000;
        super._update(from, to, value - fee);
        if (fee != 0) super._update(from, address(0), fee);
    }
}

/// @title Answers false instead of reverting, or true without moving anything
contract LyingToken is OpenToken {
    bool public answer;

    function setAnswer(bool to) external {
        answer = to;
    }

    function transfer(address, uint256) public view override returns (bool) {
        return answer;
    }

    function transferFrom(address, address, uint256) public view override returns (bool) {
        return answer;
    }
}

/// @title Moves tokens and answers nothing at all, like some of the oldest tokens
contract SilentToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @title Refuses blocked accounts, or everybody
contract BlockingToken is OpenToken {
    error Blocked(address account);

    mapping(address account => bool) public blocked;
    bool public stopped;

    function setBlocked(address account, bool to) external {
        blocked[account] = to;
    }

    function setStopped(bool to) external {
        stopped = to;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (stopped || blocked[from]) revert Blocked(from);
        if (blocked[to]) revert Blocked(to);
        super._update(from, to, value);
    }
}

/// @title Calls somebody in the middle of every transfer, once armed
contract HookedToken is OpenToken {
    address private _target;
    bytes private _data;
    /// @notice How the last hook ended.
    bool public succeeded;
    bytes public answer;

    function arm(address target, bytes calldata data) external {
        _target = target;
        _data = data;
    }

    /// @notice Lets the token act as an account of its own.
    function act(address target, bytes calldata data) external {
        _call(target, data);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        address target = _target;
        if (target == address(0)) return;
        // once: a hook's own transfers call nobody
        delete _target;
        (succeeded, answer) = target.call(_data); // solhint-disable-line avoid-low-level-calls
    }

    function _call(address target, bytes memory data) private {
        (bool ok, bytes memory result) = target.call(data); // solhint-disable-line avoid-low-level-calls
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
    }
}

/// @title Answers with a megabyte, so that whoever copies it pays for it
contract BombToken is OpenToken {
    bool public armed;

    function setArmed(bool to) external {
        armed = to;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        super.transfer(to, value);
        if (armed) _bomb();
        return true;
    }

    function _bomb() private pure {
        assembly ("memory-safe") {
            mstore(0, 1)
            return(0, 1000000)
        }
    }
}
