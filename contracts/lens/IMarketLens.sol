// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LeaseRequest} from "../interfaces/BerthTypes.sol";
import {IParkingMarket} from "../interfaces/IParkingMarket.sol";
import {LeaseCard, OfferCard, Quote, SpaceCard} from "./LensTypes.sol";

/// @title One call for what a wallet or an explorer shows of a market
/// @notice Reads only, through `IParkingMarket`; nothing depends on it, so a better one may replace it at any
///         time. Times are those of the block in which it is asked. Ids: see `IMarketCore`.
/// @dev One lens a market, fixed for good: an answer cannot be about another market than the one that the
///      deployment names, which an address in each call would leave to whoever wrote the call.
interface IMarketLens {
    function market() external view returns (IParkingMarket);

    /// @notice A lease, its terms, deadlines, deposit, what ending it now would cost, and who may do what.
    /// @dev `Berth_LeaseUnknown` as the market's reads.
    function leaseCard(uint256 leaseId) external view returns (LeaseCard memory);

    /// @notice An offer, live or not. `Berth_OutOfRange("number")` when it was never published.
    function offerCard(uint256 spaceId, uint256 number) external view returns (OfferCard memory);

    /// @notice A space. `Berth_SpaceUnknown` when it was never registered here.
    function spaceCard(uint256 spaceId) external view returns (SpaceCard memory);

    /// @notice The 96 slots of one local day, bit 0 = 00:00 to 00:15, set = taken.
    /// @param day local day, days since 1970-01-01, 1 to 65535
    /// @param utcOffsetQuarters offset of local time, quarter hours, -48 to 56
    function calendarOfDay(
        uint256 spaceId,
        uint256 day,
        int256 utcOffsetQuarters
    ) external view returns (uint256 taken);

    /// @notice The slots of one local day that an offer shares by its hours and days, taken or not.
    function sharedOnDay(
        uint256 spaceId,
        uint256 number,
        uint256 day,
        int256 utcOffsetQuarters
    ) external view returns (uint256 shared);

    /// @notice What a lease would take, and every reason at once why it would be refused. Never reverts.
    /// @dev The vehicle is judged as it is registered now: who will bring its proof in the same call
    ///      (`leaseWithVehicle`) passes over the three reasons that speak of it; who will bring a permit passes
    ///      over ALLOWANCE_TOO_LOW.
    function quote(
        address driver,
        LeaseRequest calldata request
    ) external view returns (Quote memory);
}
