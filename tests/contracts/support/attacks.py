"""The 24 groups of attacks, and what an attack is judged by: who owns more after it, who less."""

from contextlib import contextmanager
from dataclasses import dataclass

from berth.core import messages
from berth.core.hashing import keccak
from brownie import accounts, history, web3
from brownie.exceptions import VirtualMachineError

from support.forms import TERMS
from support.keys import Key, key
from support.world import START

GROUPS = {
    1: "overlapping stays",
    2: "exactly one of two verbs at every deadline",
    3: "re-entry from a hooked token",
    4: "races of the verbs that end a lease, double settlement",
    5: "a recipient that reverts",
    6: "a token that blacklists owner, driver or market",
    7: "a paused token",
    8: "return bombs and burnt gas",
    9: "tokens that take a fee, answer nothing, or answer false",
    10: "a token that shrinks balances",
    11: "assets forced upon the market or donated",
    12: "signatures replayed across chain, contract, version and epoch; malleable ones; ERC-1271",
    13: "permits spent by somebody else",
    14: "fee or terms raised after signing",
    15: "a role or a device removed under open leases",
    16: "a pause that would trap exits",
    17: "batches: block gas, one bad item",
    18: "truncation, a far start, prices that round to nothing, unchecked arithmetic",
    19: "a departure put back, energy made up, a device silent or its key leaked",
    20: "an id used again after a cancellation",
    21: "Merkle proofs of somebody else, of another edition, of another city",
    22: "somebody else's name: ERC-2771, the extension, selectors, storage",
    23: "squatting, one's own space, a space that changes hands, payouts by third parties",
    24: "a reorganisation between lease and unlock",
}

_OPEN = (1, 2, 3)  # Booked, Parked, Claimed


def attack(number: int):
    """Marks a test class as part of one of the groups; a test of the tests counts them."""
    if number not in GROUPS:
        raise KeyError(f"there is no group {number} of attacks")

    def mark(cls):
        cls.attack = number
        return cls

    return mark


# ---- what people own
def _topic(event: str) -> str:
    return "0x" + keccak(event.encode()).hex()


_LEASED = _topic("Leased(uint256,address,uint32,uint16,uint16,uint8,uint128,uint128,bytes32)")
_BLOCKED = _topic("Blocked(uint256,address,uint16)")
_DEPOSITED = _topic("Deposited(address,address,uint256)")
_SETTLED = _topic(
    "Settled(uint256,address,address,uint64,uint8,uint16,uint128,uint128,uint128,uint128,uint128,"
    "uint16,uint16,uint32,uint40)"
)


def _account(topic: bytes) -> str:
    return web3.to_checksum_address(bytes(topic)[-20:].hex())


@dataclass(frozen=True)
class Books:
    """Everybody whom the market ever named, and the leases that are open now."""

    accounts: frozenset[str]
    deposits: dict[int, tuple[str, int]]  # lease -> driver, deposit

    @classmethod
    def of(cls, market) -> "Books":
        logs = web3.eth.get_logs({"address": market.address, "fromBlock": 0})
        named, latest = set(), {}
        for log in logs:
            kind = "0x" + bytes(log["topics"][0]).hex()
            if kind in (_LEASED, _BLOCKED):
                lease = int.from_bytes(log["topics"][1], "big")
                # of several with one start only the last can be open
                latest[lease >> 16] = lease, _account(log["topics"][2])
                named.add(_account(log["topics"][2]))
            elif kind == _DEPOSITED:
                named |= {_account(log["topics"][1]), _account(log["topics"][2])}
            elif kind == _SETTLED:
                named |= {_account(log["topics"][2]), _account(log["topics"][3])}
        deposits = {}
        for lease, driver in latest.values():
            if market.leaseOf(lease)[1] in _OPEN:
                deposits[lease] = driver, market.depositOf(lease)
        return cls(frozenset(named), deposits)


def owed(world, books: Books | None = None) -> int:
    """Credits + deposits of open leases + fees."""
    books = books or Books.of(world.market)
    credits_ = sum(world.market.creditOf(account) for account in books.accounts)
    return credits_ + sum(d for _, d in books.deposits.values()) + world.market.ledger()[2]


def wealth(world, *people, books: Books | None = None) -> int:
    """Tokens, credit, and the deposits that would come back, of these accounts together."""
    addresses = {str(getattr(person, "address", person)) for person in people}
    deposits = (books or Books.of(world.market)).deposits.values()
    return sum(
        world.asset.balanceOf(address) + world.market.creditOf(address) for address in addresses
    ) + sum(deposit for driver, deposit in deposits if driver in addresses)


@contextmanager
def nothing_gained(world, *attackers, losses=None, donated: int = 0):
    """Whatever happens inside: the attackers together own no more after it than before, every
    victim has lost at most what is named here as allowed, and the market holds exactly what it owes
    (and what was given away)."""
    losses = {} if losses is None else losses
    books = Books.of(world.market)
    before = wealth(world, *attackers, books=books)
    victims = {victim: wealth(world, victim, books=books) for victim in losses}
    yield
    books = Books.of(world.market)
    gain = wealth(world, *attackers, books=books) - before
    assert gain <= 0, f"the attackers gained {gain}"
    for victim, allowed in losses.items():
        lost = victims[victim] - wealth(world, victim, books=books)
        assert lost <= allowed, f"{victim} lost {lost}, more than {allowed}"
    assert world.asset.balanceOf(world.market) == owed(world, books) + donated


# ---- people, places and time
def market_over(world, token):
    """A market of its own over a token of this kind, and a space with an offer in it."""
    made = world.second_market(token.deploy({"from": world.deployer}))
    space = made.register(2)
    made.offer(space)
    return made, space


def net(cost: int) -> int:
    """What the owner has of a cost under the tests' usual offer, after the fee."""
    return cost - cost * TERMS.fee_bps // 10_000


@contextmanager
def undone():
    """The chain is put back afterwards: one story after another from the same block."""
    snapshot = web3.provider.make_request("evm_snapshot", [])["result"]
    try:
        yield
    finally:
        assert web3.provider.make_request("evm_revert", [snapshot])["result"] is True
        # or Brownie would wait for the nonces of transactions that never were
        history._revert(web3.eth.block_number)


def refusal(method, *arguments) -> str:
    """What a call reverts with; empty when it goes through."""
    try:
        method(*arguments)
    except VirtualMachineError as reverted:
        return reverted.revert_msg or "reverted"
    return ""


def sender_of(address):
    """Any account as a sender, a contract's too."""
    account = accounts.at(str(getattr(address, "address", address)), force=True)
    web3.provider.make_request("evm_setAccountBalance", [account.address, hex(10**20)])
    return account


def person(world, name: str, *, tokens: bool = True) -> tuple:
    """Somebody who sends and signs: the account and its key."""
    account = world.account(name)
    if not tokens:
        world.asset.transfer(world.deployer, world.asset.balanceOf(account), {"from": account})
    return account, key(name)


def plate_of(account) -> bytes:
    """A plate commitment of one's own."""
    return keccak(b"plate of " + str(getattr(account, "address", account)).encode())


def equip(world, account, by=None) -> bytes:
    """Registers a vehicle for an account; its plate commitment."""
    plate = plate_of(account)
    if world.market.vehicleOf(plate)[0] != str(account):
        world.market.registerVehicle(world.vehicle(account, plate), {"from": by or account})
    return plate


def take(world, space: int, start: int = START, sender=None, **changes) -> int:
    """Takes a lease with a vehicle of the sender's; its id, read from the event."""
    sender = sender or world.driver
    if "plate" not in changes:
        changes["plate"] = world.plate if sender == world.driver else equip(world, sender)
    form = world.request(space, start, **changes).form()
    return world.market.lease(form, {"from": sender}).events["Leased"]["leaseId"]


def occupancy(world, lease: int, kind: int, from_: int, until: int, energy: int = 0, by=None):
    """What a lock saw, and its signature."""
    message = messages.occupancy(world.domain, lease, kind, from_, until, energy)
    return (lease, kind, from_, until, energy), messages.sign(message, (by or world.lock).private)


def name_arbiter(world):
    """The timelock makes somebody the arbiter."""
    world.market.grantRole(keccak(b"ARBITER_ROLE"), world.authority, {"from": world.admin})
    return world.authority


def deal(world, lease: int, cost: int, until: int = 2**40) -> tuple:
    """Agreement about a lease as it is."""
    return lease, world.market.depositOf(lease), cost, until


def agreed(world, agreement: tuple, by: Key, domain=None) -> bytes:
    """A signature under an agreement."""
    return messages.sign(messages.agreement(domain or world.domain, *agreement), by.private)
