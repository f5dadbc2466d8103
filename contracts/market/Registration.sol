// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarketCore} from "../interfaces/IMarketCore.sol";
import {SpaceRegistration} from "../interfaces/BerthTypes.sol";
import {Berth_NotCompliant} from "../interfaces/BerthErrors.sol";
import {Spaces} from "./Spaces.sol";

/// @title Registering a space: title, holder and lock, each proven
abstract contract Registration is IMarketCore, Spaces {
    /// @inheritdoc IMarketCore
    function registerSpace(
        SpaceRegistration calldata r
    ) external whenNotPaused returns (uint64 spaceId) {
        address owner = _sender();
        // Check: every reason at once, the claim's own included; a claim that is not to be is undone by the revert
        (uint256 reasons, uint256 edition) = _titles.claim(r.title, r.proof);
        reasons |= _ownReasons(owner, r);
        if (reasons != 0) revert Berth_NotCompliant(reasons);
        _install(owner, r, edition);
        return uint64(_spaceId(r));
    }
}
