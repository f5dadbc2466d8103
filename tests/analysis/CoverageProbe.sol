// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title What `make coverage` must and must not see, checked in each of its runs
/// @dev Compiled and run with the contracts, in the copy that coverage is measured in. What `missed` names, and
///      nothing else, must be found missing on its line; on a line of its own it speaks of the next one.
contract CoverageProbe {
    uint256 public immutable filledIn;
    uint256 private _stored;

    constructor(uint256 value) {
        filledIn = value;
        if (value == 0) revert(); // missed: statement, never true
    }

    function called() external {
        _stored = 1;
        _neverFails(true);
    }

    function onlyRead(uint256 x) external view returns (uint256) {
        if (x == 1) return filledIn; // missed: never false
        return _stored; // missed: statement
    }

    function alwaysReverts(bool now_) external {
        _stored = 2;
        if (now_) revert(); // missed: never false
        _stored = 3; // missed: statement
    }

    function neverCalled() external {
        _stored = 4; // missed: statement
        if (_stored == 5) _stored = 6; // missed: statement, statement, never true, never false
    }

    function branches(uint256 x) external view returns (uint256 y) {
        if (x == 1) y = 1; // missed: statement, never true
        if (x != 1) y = 2; // missed: never false
        // missed: never true
        if (x == 1) {
            y = 3; // missed: statement
        } else {
            y = 4;
        }
        y = x == 1 ? 5 : 6; // missed: never true
        y = x != 1 ? 5 : 6; // missed: never false
        if (x != 1 && y != 0) y = 7; // missed: left never false, never false
        if (x == 1 && y != 0) y = 8; // missed: left never true, never true, statement
        if (x != 1 || y != 0) y = 9; // missed: left never false, never false
        if (x == 1 || y != 0) y = 10; // missed: left never true, never false
        for (uint256 i = 0; i < 2; ++i) y += i;
        while (y > 100) y = 1; // missed: statement
        // missed: never succeeds
        try this.failing() {
            y = 11; // missed: statement
        } catch {
            y = 12;
        }
        // missed: never fails
        try this.onlyRead(1) {
            y = 13;
        } catch {
            y = 14; // missed: statement
        }
    }

    function failing() external pure {
        revert();
    }

    function bothWays(uint256 x) external pure returns (uint256) {
        return x > 5 && x < 10 ? _double(x) : x;
    }

    function _double(uint256 x) private pure returns (uint256) {
        unchecked {
            return 2 * x;
        }
    }

    function _neverFails(bool sure) private pure {
        if (sure) return; // missed: never false
        revert(); // missed: statement
    }

    function _inNoCode() private pure returns (uint256) {
        return 15; // missed: statement
    }
}
