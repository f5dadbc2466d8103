// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Title} from "./BerthTypes.sol";

/// @notice 256 titles' worth of the revocation bitmap: bit i of word w is title index 256 w + i.
struct RevocationWord {
    uint256 word;
    uint256 bits;
}

/// @title The base library of property rights: one Merkle root a city and edition, revocations as a bitmap
/// @notice A city's authority is trusted for the titles of its own city and for nothing else: it can
///         withhold or revoke a title, it can never touch a lease or money.
interface ITitleRegistry {
    event AuthoritySet(uint32 indexed city, address indexed authority);
    event MarketSet(address indexed market, bool allowed);
    event EditionPublished(
        uint32 indexed city,
        uint32 indexed edition,
        bytes32 root,
        bytes32 contentHash,
        uint32 count
    );
    event TitlesRevoked(uint32 indexed city, uint32 word, uint256 bits);
    event TitlesReinstated(uint32 indexed city, uint32 word, uint256 bits);
    event SpaceClaimed(uint64 indexed spaceId, address indexed market);
    event SpaceReleased(uint64 indexed spaceId, address indexed market);

    /// @notice Names the authority of a city. Admin (timelock).
    function setAuthority(uint256 city, address authority) external;

    /// @notice Allows a market to claim spaces. Admin (timelock).
    function setMarket(address market, bool allowed) external;

    /// @notice Publishes all titles of a city: one transaction, however many they are.
    /// @param edition must be the current edition + 1; beyond 1000, at most one a day since the first
    /// @param contentHash SHA-256 of the edition's canonical content
    /// @param dropped bits of indices that the former edition had and this one has not
    function publishEdition(
        uint256 city,
        uint256 edition,
        bytes32 root,
        bytes32 contentHash,
        uint256 count,
        RevocationWord[] calldata dropped
    ) external;

    /// @notice Revokes titles at once, without a new edition. The city's authority.
    function revoke(uint256 city, RevocationWord[] calldata words) external;

    /// @notice Takes revocations back. The city's authority.
    function reinstate(uint256 city, RevocationWord[] calldata words) external;

    /// @notice Claims a space for the calling market if that is allowed and the title complies.
    /// @return reasons zero when claimed, otherwise the bits of `Reasons`, nothing changed
    /// @return edition the city's current edition, by which the title was judged
    function claim(
        Title calldata title,
        bytes32[] calldata proof
    ) external returns (uint256 reasons, uint256 edition);

    /// @notice As `claim`, for a space that the calling market holds already; changes nothing.
    function reclaim(
        Title calldata title,
        bytes32[] calldata proof
    ) external view returns (uint256 reasons, uint256 edition);

    /// @notice The market that holds a space lets go of it.
    function release(uint256 spaceId) external;

    /// @notice Why a title may not be registered: bits of `Reasons`; zero = it may.
    function titleReasons(
        Title calldata title,
        bytes32[] calldata proof
    ) external view returns (uint256 reasons);

    /// @notice Is the title, as given, in its city's current edition and not revoked?
    function verify(Title calldata title, bytes32[] calldata proof) external view returns (bool);

    function isRevoked(uint256 city, uint256 index) external view returns (bool);

    /// @notice The current edition of a city; edition 0 = none.
    function editionOf(
        uint256 city
    )
        external
        view
        returns (
            uint32 edition,
            uint32 count,
            uint40 publishedAt,
            bytes32 root,
            bytes32 contentHash
        );

    function authorityOf(uint256 city) external view returns (address);
    function isMarket(address market) external view returns (bool);

    /// @notice The market that holds a space; zero = none. Two markets can never lease one space.
    function marketOf(uint256 spaceId) external view returns (address);
}
