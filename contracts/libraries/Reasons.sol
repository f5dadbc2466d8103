// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Why a space may not be registered: one bit a reason, the same numbers off-chain
/// @dev Bits 0 to 15 speak of the title, 16 to 23 of the holder, 24 to 31 of the lock and charger.
library Reasons {
    uint256 internal constant CITY_UNKNOWN = 1 << 0;
    uint256 internal constant NOT_IN_EDITION = 1 << 1;
    uint256 internal constant TITLE_REVOKED = 1 << 2;
    uint256 internal constant TITLE_EXPIRED = 1 << 3;
    uint256 internal constant SHARING_NOT_ALLOWED = 1 << 4;
    uint256 internal constant KIND_UNKNOWN = 1 << 5;
    uint256 internal constant DIMENSIONS_OUT_OF_RANGE = 1 << 6;
    uint256 internal constant ALREADY_REGISTERED = 1 << 7;
    uint256 internal constant MARKET_NOT_ALLOWED = 1 << 8;
    uint256 internal constant CELL_OUT_OF_RANGE = 1 << 9;
    uint256 internal constant EDITION_NOT_NEWER = 1 << 10;
    uint256 internal constant NOT_REGISTERED_HERE = 1 << 11;

    uint256 internal constant HOLDER_VERIFIER_UNKNOWN = 1 << 16;
    uint256 internal constant HOLDER_VERIFIER_REVOKED = 1 << 17;
    uint256 internal constant HOLDER_SIGNATURE_INVALID = 1 << 18;
    uint256 internal constant HOLDER_EXPIRED = 1 << 19;
    uint256 internal constant HOLDER_ATTESTATION_REVOKED = 1 << 20;

    uint256 internal constant LOCK_MAKER_UNKNOWN = 1 << 24;
    uint256 internal constant LOCK_MAKER_REVOKED = 1 << 25;
    uint256 internal constant LOCK_ATTESTATION_INVALID = 1 << 26;
    uint256 internal constant LOCK_EXPIRED = 1 << 27;
    uint256 internal constant LOCK_POSSESSION_INVALID = 1 << 28;
    uint256 internal constant CHARGER_INCONSISTENT = 1 << 29;
}
