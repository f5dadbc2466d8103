// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice The few of forge's and halmos' cheat codes that are used here.
interface Vm {
    function assume(bool condition) external pure;
}

/// @notice Halmos' own.
interface SymbolicVm {
    /// @dev From here on every storage word of `account` may hold anything.
    function enableSymbolicStorage(address account) external;
}

/// @title What every proof starts from
/// @dev Halmos proves that no `check_` can fail, and must find a counterexample of every `canary_`: a claim that is
///      false shows that the proofs beside it were not empty.
abstract contract Proof {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    SymbolicVm internal constant svm = SymbolicVm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);
}
