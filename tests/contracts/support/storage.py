"""Writes straight into the market's storage, to reach edges that are 65,535 transactions away.

A place is found by the word that is in it, so no storage layout is written down here.
"""

from berth.core.hashing import keccak
from brownie import web3
from eth_abi import encode


def _place(base: int, key: int) -> str:
    return "0x" + keccak(encode(["uint256", "uint256"], [key, base])).hex()


def _find(world, key: int, word: int) -> str:
    """The storage place of a mapping's entry, found by its value: no layout is written down
    here."""
    for base in range(24):
        place = _place(base, key)
        if (
            int.from_bytes(web3.eth.get_storage_at(world.market.address, int(place, 16)), "big")
            == word
        ):
            return place
    raise AssertionError("no mapping of the market holds that word under that key")


def _write(world, place: str, word: int) -> None:
    answer = web3.provider.make_request(
        "evm_setAccountStorageAt",
        [world.market.address, place, "0x" + word.to_bytes(32, "big").hex()],
    )
    assert answer["result"] is True


def set_edition(world, city: int, number: int) -> None:
    """As if a city had published `number` editions."""
    titles = world.titles.address
    for base in range(24):
        place = _place(base, city)
        word = int.from_bytes(web3.eth.get_storage_at(titles, int(place, 16)), "big")
        if word and word & 0xFFFFFFFF == world.titles.editionOf(city)[0]:
            changed = word & ~0xFFFFFFFF | number
            answer = web3.provider.make_request(
                "evm_setAccountStorageAt", [titles, place, "0x" + changed.to_bytes(32, "big").hex()]
            )
            assert answer["result"] is True
            assert world.titles.editionOf(city)[0] == number
            return
    raise AssertionError("no mapping of the registry holds that edition")


def set_last_offer(world, space: int, number: int) -> None:
    """As if `number` offers of a space had been published."""
    word = world.market.spaceOf(space)[0]
    changed = word & ~(0xFFFF << 176) | number << 176
    _write(world, _find(world, space, word), changed)
    assert world.market.spaceOf(space)[0] == changed


def set_lease_word(world, space: int, start: int, before: int, after: int) -> None:
    """Replaces the storage word of a lease."""
    _write(world, _find(world, space << 32 | start, before), after)
