"""Nothing appears and nothing is lost: the market's tokens are what it owes, to the unit."""

from brownie import web3

OPEN = (1, 2, 3)  # Booked, Parked, Claimed


def _events(market, name: str) -> list:
    """All logs of an event since the market was deployed."""
    contract = web3.eth.contract(address=market.address, abi=market.abi)
    return getattr(contract.events, name)().get_logs(from_block=0)


def owed(world) -> int:
    """Σ credits + Σ deposits of open leases + fees, over everybody the market ever named in an
    event."""
    market = world.market
    accounts, leases = set(), set()
    blocks = {event.args["leaseId"] for event in _events(market, "Blocked")}
    for event in _events(market, "Deposited"):
        accounts |= {event.args["account"], event.args["from"]}
    for event in _events(market, "Leased"):
        accounts.add(event.args["driver"])
        leases.add(event.args["leaseId"])
    for event in _events(market, "Settled"):
        accounts |= {event.args["driver"], event.args["owner"]}
    deposits = 0
    for lease in leases:
        # of several that took one start only the last can be open
        if lease + 1 not in leases | blocks and market.leaseOf(lease)[1] in OPEN:
            deposits += market.depositOf(lease)
    return sum(market.creditOf(account) for account in accounts) + deposits + market.ledger()[2]


def assert_conserved(world, donated: int = 0) -> None:
    """The token balance is exactly what is owed, plus what somebody gave away."""
    assert world.asset.balanceOf(world.market) == owed(world) + donated
