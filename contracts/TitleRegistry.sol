// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {ITitleRegistry, RevocationWord} from "./interfaces/ITitleRegistry.sol";
import {Title} from "./interfaces/BerthTypes.sol";
import {
    Berth_BadAccount,
    Berth_EditionOutOfOrder,
    Berth_EditionTooSoon,
    Berth_NotAuthority,
    Berth_NotHolder
} from "./interfaces/BerthErrors.sol";
import {Range} from "./libraries/Range.sol";
import {Reasons} from "./libraries/Reasons.sol";
import {TitleAttributes} from "./libraries/TitleAttributes.sol";

/// @title The base library of property rights; read `ITitleRegistry` first
contract TitleRegistry is ITitleRegistry, AccessControl {
    struct Edition {
        // slot 0: number 32 | count 32 | publishedAt 40 | firstAt 40
        uint32 number;
        uint32 count;
        uint40 publishedAt;
        uint40 firstAt;
        bytes32 root; // slot 1
        bytes32 contentHash; // slot 2
    }

    // Markets keep edition numbers in 16 bits, and count owners by them: a thief of a city's key can use up a
    // thousand, then one a day, while the admin names another authority.
    uint256 private constant FREE_EDITIONS = 1000;

    mapping(uint256 city => Edition) private _editions;
    mapping(uint256 city => mapping(uint256 word => uint256 bits)) private _revoked;

    /// @inheritdoc ITitleRegistry
    mapping(uint256 city => address) public authorityOf;
    /// @inheritdoc ITitleRegistry
    mapping(address market => bool) public isMarket;
    /// @inheritdoc ITitleRegistry
    mapping(uint256 spaceId => address market) public marketOf;

    constructor(address admin) {
        if (admin == address(0)) revert Berth_BadAccount("admin", admin);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    modifier onlyAuthority(uint256 city) {
        if (msg.sender != authorityOf[city]) revert Berth_NotAuthority(city, msg.sender);
        _;
    }

    /// @inheritdoc ITitleRegistry
    function setAuthority(uint256 city, address authority) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Range.between("city", city, 1, type(uint32).max);
        authorityOf[city] = authority;
        emit AuthoritySet(uint32(city), authority);
    }

    /// @inheritdoc ITitleRegistry
    function setMarket(address market, bool allowed) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (market == address(0)) revert Berth_BadAccount("market", market);
        isMarket[market] = allowed;
        emit MarketSet(market, allowed);
    }

    /// @inheritdoc ITitleRegistry
    function publishEdition(
        uint256 city,
        uint256 edition,
        bytes32 root,
        bytes32 contentHash,
        uint256 count,
        RevocationWord[] calldata dropped
    ) external onlyAuthority(city) {
        Edition storage e = _editions[city];
        if (edition != uint256(e.number) + 1)
            revert Berth_EditionOutOfOrder(city, e.number, edition);
        Range.atMost("edition", edition, type(uint32).max);
        Range.between("count", count, 1, type(uint32).max);
        // a zero root would stand for "no edition"
        Range.between("root", uint256(root), 1, type(uint256).max);

        if (edition == 1) {
            e.firstAt = uint40(block.timestamp);
        } else if (edition > FREE_EDITIONS) {
            uint256 from = e.firstAt + (edition - FREE_EDITIONS) * 1 days;
            if (block.timestamp < from) revert Berth_EditionTooSoon(city, edition, from);
        }
        e.number = uint32(edition);
        e.count = uint32(count);
        e.publishedAt = uint40(block.timestamp);
        e.root = root;
        e.contentHash = contentHash;
        emit EditionPublished(uint32(city), uint32(edition), root, contentHash, uint32(count));
        _revoke(city, dropped);
    }

    /// @inheritdoc ITitleRegistry
    function revoke(uint256 city, RevocationWord[] calldata words) external onlyAuthority(city) {
        _revoke(city, words);
    }

    /// @inheritdoc ITitleRegistry
    function reinstate(uint256 city, RevocationWord[] calldata words) external onlyAuthority(city) {
        for (uint256 i = 0; i < words.length; ++i) {
            _checkWord(words[i]);
            _revoked[city][words[i].word] &= ~words[i].bits;
            emit TitlesReinstated(uint32(city), uint32(words[i].word), words[i].bits);
        }
    }

    /// @inheritdoc ITitleRegistry
    function claim(
        Title calldata title,
        bytes32[] calldata proof
    ) external returns (uint256 reasons, uint256 edition) {
        // no revert: a market that is not allowed (any more) answers its owners with reasons too
        reasons = _reasons(title, proof, address(0));
        if (!isMarket[msg.sender]) reasons |= Reasons.MARKET_NOT_ALLOWED;
        edition = _editions[title.city].number;
        if (reasons != 0) return (reasons, edition);
        uint256 spaceId = (title.city << 32) | title.index;
        marketOf[spaceId] = msg.sender;
        emit SpaceClaimed(uint64(spaceId), msg.sender);
    }

    /// @inheritdoc ITitleRegistry
    function reclaim(
        Title calldata title,
        bytes32[] calldata proof
    ) external view returns (uint256 reasons, uint256 edition) {
        reasons = _reasons(title, proof, msg.sender);
        if (!isMarket[msg.sender]) reasons |= Reasons.MARKET_NOT_ALLOWED;
        edition = _editions[title.city].number;
    }

    /// @inheritdoc ITitleRegistry
    function release(uint256 spaceId) external {
        if (marketOf[spaceId] != msg.sender) revert Berth_NotHolder(spaceId, msg.sender);
        delete marketOf[spaceId];
        // a claimed space has an id of 64 bits
        emit SpaceReleased(uint64(spaceId), msg.sender);
    }

    /// @inheritdoc ITitleRegistry
    function titleReasons(
        Title calldata title,
        bytes32[] calldata proof
    ) external view returns (uint256 reasons) {
        return _reasons(title, proof, address(0));
    }

    /// @inheritdoc ITitleRegistry
    function verify(Title calldata title, bytes32[] calldata proof) external view returns (bool) {
        return _inEdition(title, proof) && !isRevoked(title.city, title.index);
    }

    /// @inheritdoc ITitleRegistry
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
        )
    {
        Edition storage e = _editions[city];
        return (e.number, e.count, e.publishedAt, e.root, e.contentHash);
    }

    /// @inheritdoc ITitleRegistry
    function isRevoked(uint256 city, uint256 index) public view returns (bool) {
        return (_revoked[city][index >> 8] >> (index & 255)) & 1 == 1;
    }

    function _revoke(uint256 city, RevocationWord[] calldata words) private {
        for (uint256 i = 0; i < words.length; ++i) {
            _checkWord(words[i]);
            _revoked[city][words[i].word] |= words[i].bits;
            emit TitlesRevoked(uint32(city), uint32(words[i].word), words[i].bits);
        }
    }

    function _checkWord(RevocationWord calldata word) private pure {
        Range.atMost("word", word.word, type(uint32).max >> 8);
    }

    /// @param holder market that should hold the space; zero = none
    function _reasons(
        Title calldata title,
        bytes32[] calldata proof,
        address holder
    ) private view returns (uint256 reasons) {
        if (_editions[title.city].root == 0) return Reasons.CITY_UNKNOWN;
        if (!_inEdition(title, proof)) return Reasons.NOT_IN_EDITION;
        if (isRevoked(title.city, title.index)) reasons |= Reasons.TITLE_REVOKED;
        if (block.timestamp / 1 days > title.validDay) reasons |= Reasons.TITLE_EXPIRED;
        if (title.cell >= 1 << 30) reasons |= Reasons.CELL_OUT_OF_RANGE;
        reasons |= TitleAttributes.reasons(title.attributes);
        if (marketOf[(title.city << 32) | title.index] != holder) {
            reasons |=
                holder == address(0) ? Reasons.ALREADY_REGISTERED : Reasons.NOT_REGISTERED_HERE;
        }
    }

    function _inEdition(
        Title calldata title,
        bytes32[] calldata proof
    ) private view returns (bool) {
        Edition storage e = _editions[title.city];
        // hashed twice, so that no inner node can pass for a leaf
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(title))));
        return title.index < e.count && MerkleProof.verifyCalldata(proof, e.root, leaf);
    }
}
