"""Names of the numbers that the contracts use: kinds of spaces, connectors, states, outcomes."""

from __future__ import annotations

from berth.core.errors import BerthError
from berth.core.states import LeaseState, Outcome, RecordKind

#: Bit i of a space's connectors.
CONNECTORS = ("type2", "ccs2", "chademo", "type1", "nacs", "gbt_ac", "gbt_dc", "domestic")

#: Kind of space; 0 is none.
KINDS = {1: "on_street_bay", 2: "open_lot", 3: "garage", 4: "mechanical", 5: "driveway"}

#: Vehicle sizes of an attestation.
SIZES = {1: "small", 2: "medium", 3: "large", 4: "van"}

#: States in which money is in escrow.
OPEN_STATES = (LeaseState.BOOKED, LeaseState.PARKED, LeaseState.CLAIMED)

#: What each outcome means, for people.
OUTCOME_WORDS: dict[str, tuple[str, str]] = {
    "departed": (
        "The vehicle left and the lock's record was billed at once.",
        "车辆离开，按地锁记录即时结算。",
    ),
    "accepted": (
        "The driver accepted the overstay that the lock recorded.",
        "驾驶人认可地锁记录的超时。",
    ),
    "matured": (
        "The overstay claim stood undisputed for its whole period.",
        "超时费在异议期内无人异议。",
    ),
    "presumed": (
        "The vehicle arrived and no departure was ever reported: the booked rent was due.",
        "车辆到达后未见离开记录，按预订时段收费。",
    ),
    "unused": (
        "Nobody ever arrived and nobody spoke: everything was refunded.",
        "无人到场且双方均未表态，已全额退款。",
    ),
    "cancelled": (
        "The driver cancelled before the start.",
        "驾驶人在开始前取消。",
    ),
    "cancelled_by_owner": (
        "The owner cancelled: everything was refunded.",
        "车位主取消，已全额退款。",
    ),
    "obstructed": (
        "The lock saw somebody else's car in the space: everything was refunded.",
        "地锁发现车位被他人占用，已全额退款。",
    ),
    "no_show": (
        "The lock saw that nobody came: the offer's charge for a no-show was due.",
        "地锁确认无人到场，按报价收取未到场费。",
    ),
    "resolved": (
        "It was disputed, and the arbiter decided what was due.",
        "双方有争议，由仲裁人裁定费用。",
    ),
    "agreed": (
        "Driver and owner agreed on what was due.",
        "驾驶人与车位主就费用达成一致。",
    ),
    "lapsed": (
        "It was disputed and nobody decided: the lock's record counts, half the overstay.",
        "争议逾期未裁决，按地锁记录结算，超时费减半。",
    ),
}

#: What a lock saw, by the number of its record.
KIND_NAMES = {
    RecordKind.ARRIVED: "arrived",
    RecordKind.LEFT: "left",
    RecordKind.BLOCKED: "blocked",
    RecordKind.NOSHOW: "no_show",
}
#: Said instead while a lease is open and disputed.
DISPUTED_WORDS = (
    "Disputed: it ends by the arbiter's decision, by an agreement of driver and owner, or by time.",
    "争议中：由仲裁裁决、双方协议或时间结束。",
)
STATE_WORDS: dict[str, tuple[str, str]] = {
    "booked": (
        "Booked: the space is kept and the maximum cost is in escrow.",
        "已预订：车位已保留，最高费用已托管。",
    ),
    "parked": ("Parked: the lock has recorded the arrival.", "已停车：地锁已记录到达。"),
    "claimed": (
        "Left with overstay: waiting for the driver's word, or for time.",
        "已离开但超时：等待驾驶人确认或期限届满。",
    ),
    "settled": (
        "Over and paid; what was left of the deposit has gone back.",
        "已结束并付清，剩余押金已退回。",
    ),
    "cancelled": (
        "Ended before it was used: what was not charged went back to the driver.",
        "使用前已结束：未收取的款项已退还驾驶人。",
    ),
    "blocked": ("Blocked by the owner.", "车位主已锁定该时段。"),
}


#: What people call a chain, by its id.
CHAINS = {
    1: "Ethereum",
    10: "OP Mainnet",
    100: "Gnosis",
    137: "Polygon",
    8453: "Base",
    42161: "Arbitrum One",
    84532: "Base Sepolia",
    421614: "Arbitrum Sepolia",
    11155111: "Sepolia",
    11155420: "OP Sepolia",
    1337: "Local test chain",
    31337: "Local test chain",
}


def chain_name(chain_id: int) -> str:
    """A chain's name; by its number where people have none for it."""
    return CHAINS.get(chain_id, f"Chain {chain_id}")


def connector_names(mask: int) -> list[str]:
    """The connectors of a bit mask."""
    return [name for bit, name in enumerate(CONNECTORS) if mask >> bit & 1]


def connector_mask(names: list[str], field: str = "connectors") -> int:
    """The bit mask of some connectors; refuses a name nobody knows."""
    mask = 0
    for name in names:
        if name not in CONNECTORS:
            raise BerthError(
                "connector.unknown",
                "{given!r} is none of {known}",
                field=field,
                status=422,
                given=name,
                known=", ".join(CONNECTORS),
            )
        mask |= 1 << CONNECTORS.index(name)
    return mask


def state_name(state: int) -> str:
    """Lower-case name of a lease's state."""
    return LeaseState(state).name.lower()


def outcome_name(outcome: int) -> str:
    """Lower-case name of how a lease ended."""
    return Outcome(outcome).name.lower()
