// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {VehicleProof} from "../interfaces/BerthTypes.sol";
import {
    Berth_AttesterRevoked,
    Berth_BadSignature,
    Berth_VehicleLapses,
    Berth_VehicleNotDrivers
} from "../interfaces/BerthErrors.sol";
import {Range} from "../libraries/Range.sol";
import {Spaces} from "./Spaces.sol";

/// @title Verified vehicles, known by a salted commitment to their plate
abstract contract Vehicles is Spaces {
    bytes32 private constant VEHICLE_TYPEHASH = keccak256(
        "VehicleAttestation(address driver,bytes32 plateCommitment,uint8 size,uint32 untilSlot)"
    );

    struct Vehicle {
        // slot 0: driver 160 | until 32 | verifier 8 | size 8
        address driver;
        uint32 untilSlot;
        uint8 verifier;
        uint8 size;
    }

    mapping(bytes32 plateCommitment => Vehicle) internal _vehicles;

    function _registerVehicle(address driver, VehicleProof calldata v) internal {
        Range.between("size", v.size, 1, 4);
        Range.between("untilSlot", v.untilSlot, 1, type(uint32).max);
        // Check: a verifier in force, and its signature over this driver
        address verifier = _attesterInForce(v.verifier, VERIFIES_VEHICLES);
        bytes32 digest = keccak256(
            abi.encode(VEHICLE_TYPEHASH, driver, v.plateCommitment, v.size, v.untilSlot)
        );
        if (!_signed(digest, v.signature, verifier)) revert Berth_BadSignature("vehicle", verifier);
        // Check: a commitment names one driver for good, so that nobody takes over a vehicle under a lease
        address known = _vehicles[v.plateCommitment].driver;
        if (known != address(0) && known != driver) {
            revert Berth_VehicleNotDrivers(v.plateCommitment, known, driver);
        }

        _vehicles[v.plateCommitment] = Vehicle(
            driver,
            uint32(v.untilSlot),
            uint8(v.verifier),
            uint8(v.size)
        );
        emit VehicleRegistered(
            v.plateCommitment,
            driver,
            uint32(v.untilSlot),
            uint8(v.verifier),
            uint8(v.size)
        );
    }

    /// @dev Reverts unless the driver's vehicle is attested until the end of the stay.
    function _checkVehicle(bytes32 plateCommitment, address driver, uint256 endSlot) internal view {
        Vehicle storage v = _vehicles[plateCommitment];
        if (v.driver != driver) revert Berth_VehicleNotDrivers(plateCommitment, v.driver, driver);
        if (v.untilSlot < endSlot)
            revert Berth_VehicleLapses(plateCommitment, v.untilSlot, endSlot);
        if (_isRevoked(_config.revokedAttesters, v.verifier))
            revert Berth_AttesterRevoked(v.verifier);
    }
}
