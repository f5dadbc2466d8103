"""Steps as transactions: every fact that somebody signed becomes a signature."""

from collections.abc import Callable
from dataclasses import astuple, dataclass
from itertools import chain, repeat

from berth.core import title as titles
from berth.core.hashing import keccak
from berth.core.merkle import Tree, build
from berth.core.model.facts import (
    Agreement,
    LockProof,
    Occupancy,
    Permit,
    Registration,
    VehicleProof,
)
from berth.core.title import Title

from differential.abi import Abi
from differential.cast import address, by_address
from differential.signing import Word, digest, domain_separator
from differential.steps import Step

HOLDER = "HolderAttestation(address wallet,bytes32 saltedHolder,uint16 validDay,uint256 nonce)"
LOCK = "LockAttestation(address lock,uint16 validDay)"
POSSESSION = "LockPossession(address lock,uint64 spaceId,address owner)"
VEHICLE = "VehicleAttestation(address driver,bytes32 plateCommitment,uint8 size,uint32 untilSlot)"
OCCUPANCY = "Occupancy(uint256 leaseId,uint8 kind,uint40 from,uint40 until,uint32 energyWh)"
AGREEMENT = "Agreement(uint256 leaseId,uint256 deposit,uint256 cost,uint256 validUntil)"
PERMIT = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
FORWARD = (
    "ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,"
    "uint48 deadline,bytes data)"
)
FORWARD_GAS = 5_000_000


@dataclass
class Edition:
    """The titles of an edition, and the tree they make."""

    titles: tuple[Title, ...]

    def __post_init__(self) -> None:
        self.tree: Tree = build([titles.leaf(title) for title in self.titles])

    def proof(self, title: Title) -> list[bytes]:
        """Of a title that is not in the edition: none."""
        return self.tree.proof(titles.leaf(title)) if title in self.titles else []


@dataclass(frozen=True)
class Addresses:
    """Where the contracts are."""

    token: str
    forwarder: str
    titles: str
    market: str


class Wire:
    """Calldata of steps, for one deployment."""

    def __init__(self, abi: Abi, at: Addresses, chain_id: int) -> None:
        self.abi, self.at = abi, at
        self._market = domain_separator("Berth Parking Market", "1", chain_id, at.market)
        self._token = domain_separator("Berth Test Euro", "1", chain_id, at.token)
        self._forwarder = domain_separator("Berth Forwarder", "1", chain_id, at.forwarder)
        self.edition: Edition | None = None
        self.edition_number = 0
        self.forwarded: dict[str, int] = {}  # requests of an account so far

    def transaction(self, step: Step) -> tuple[str, str, bytes]:
        """Sender, recipient and calldata; a relayed step is its sponsor's transaction."""
        to, data = self.call(step)
        if not step.relayed:
            return step.sender, to, data
        return address("zed"), self.at.forwarder, self._request(step, to, data)

    def call(self, step: Step) -> tuple[str, bytes]:
        """Recipient and calldata of the verb itself."""
        place, _, verb = step.verb.rpartition(".")
        to = getattr(self.at, place or "market")
        translate = _TRANSLATIONS.get(step.verb)
        name = _camel(verb)
        arguments = translate(self, step, *step.args) if translate else step.args
        if isinstance(arguments, _Named):
            name, arguments = arguments
        return to, self.abi.functions[name].call(*arguments)

    def done(self, step: Step) -> None:
        """The step was accepted: what the next ones must know."""
        if step.relayed:
            self.forwarded[step.sender] = self.forwarded.get(step.sender, 0) + 1
        if step.verb == "titles.publish":
            self.edition, self.edition_number = Edition(step.args[1]), self.edition_number + 1

    # ---- signatures
    def signature(self, signer: str, domain: bytes, type_: str, *values: Word) -> bytes:
        """By `signer`; of an account without a key, something that is no signature of anybody's
        who matters."""
        content = digest(domain, type_, *values)
        person = by_address().get(signer)
        if person is not None:
            return person.signer.sign(content)
        kind = content[0] % 4
        if kind == 0:
            return content + content + bytes([29])
        if kind == 1:
            return content + content[:31]
        # a good signature, over something else
        other = digest(domain, type_, *values[:-1], content)
        good = by_address()[address("zed")].signer.sign(other)
        return good if kind == 2 else good + b"\0"

    def _holder(self, owner: str, r: Registration) -> bytes:
        h = r.holder
        values = owner, r.title.salted_holder, h.valid_day, h.nonce
        return self.signature(h.signed_by, self._market, HOLDER, *values)

    def _lock(self, owner: str, space: int, lock: LockProof) -> tuple:
        maker = self.signature(lock.maker_signed_by, self._market, LOCK, lock.key, lock.valid_day)
        own = self.signature(
            lock.possession_signed_by, self._market, POSSESSION, lock.key, space, owner
        )
        return lock.key, lock.maker, lock.valid_day, maker, own

    def _registration(self, step: Step, r: Registration) -> tuple:
        proof = self.edition.proof(r.title) if self.edition else []
        if not r.proven:
            proof = [*proof, b"\x99" * 32]
        holder = (
            r.holder.verifier,
            r.holder.valid_day,
            r.holder.nonce,
            self._holder(step.sender, r),
        )
        lock = self._lock(step.sender, r.space_id, r.lock)
        return ((astuple(r.title), proof, holder, lock, r.connectors, r.power),)

    def _rotation(self, step: Step, space: int, lock: LockProof) -> tuple:
        return space, self._lock(step.sender, space, lock)

    def _vehicle(self, driver: str, v: VehicleProof) -> tuple:
        values = driver, v.plate_commitment, v.size, v.until_slot
        signed = self.signature(v.signed_by, self._market, VEHICLE, *values)
        brought = signed if v.signature else b""
        return v.plate_commitment, v.size, v.until_slot, v.verifier, brought

    def _permit(self, p: Permit) -> tuple:
        signed = self.signature(
            p.signed_by,
            self._token,
            PERMIT,
            p.signed_by,
            self.at.market,
            p.amount,
            p.nonce,
            p.deadline,
        ).ljust(65, b"\x01")
        # 27: whatever the signature has; another number is brought as it is
        v = signed[64] if p.v == 27 else p.v
        return p.amount, p.deadline, v, signed[:32], signed[32:64]

    def _occupancy(self, o: Occupancy, signer: str) -> bytes:
        values = o.lease_id, o.kind, o.from_, o.until, o.energy_wh
        return self.signature(signer, self._market, OCCUPANCY, *values)

    def _batch(self, step: Step, occupancies: list[Occupancy], signers: list[str]) -> tuple:
        # what signatures too many are of does not matter
        spare = Occupancy(0, 0, 0, 0)
        signed = [
            self._occupancy(o, signer)
            for signer, o in zip(signers, chain(occupancies, repeat(spare)), strict=False)
        ]
        return [astuple(o) for o in occupancies], signed

    def _agreement(self, step: Step, a: Agreement, driver: str, payee: str) -> tuple:
        values = astuple(a)
        return (
            values,
            self.signature(driver, self._market, AGREEMENT, *values),
            self.signature(payee, self._market, AGREEMENT, *values),
        )

    def _spend_permit(self, step: Step, owner: str, spender: str, p: Permit, now: int) -> tuple:
        amount, deadline, *signature = self._permit(p)
        return owner, spender, amount, deadline, *signature

    def _publish(
        self, step: Step, city: int, new: tuple[Title, ...], dropped: tuple[int, ...]
    ) -> "_Named":
        count = max(title.index for title in new) + 1
        root, words = Edition(new).tree.root, _bits(*dropped) if dropped else []
        arguments = city, self.edition_number + 1, root, b"\xcc" * 32, count, words
        return _Named("publishEdition", arguments)

    def _claim(self, step: Step, market: str, title: Title, proven: bool, day: int) -> tuple:
        return astuple(title), self.edition.proof(title)

    def _request(self, step: Step, to: str, data: bytes) -> bytes:
        deadline = step.at + 1000
        nonce = self.forwarded.get(step.sender, 0)
        signed = self.signature(
            step.sender,
            self._forwarder,
            FORWARD,
            step.sender,
            to,
            0,
            FORWARD_GAS,
            nonce,
            deadline,
            keccak(data),
        )
        request = step.sender, to, 0, FORWARD_GAS, deadline, data, signed
        return self.abi.functions["execute"].call(request)


@dataclass(frozen=True)
class _Named:
    """Arguments of a function that is called otherwise than the step's verb."""

    name: str
    arguments: tuple

    def __iter__(self):
        return iter((self.name, self.arguments))


def _camel(verb: str) -> str:
    first, *rest = verb.split("_")
    return first + "".join(each.capitalize() for each in rest)


def _bits(*indices: int) -> list[tuple[int, int]]:
    return [(0, sum(1 << index for index in set(indices)))]


_TRANSLATIONS: dict[str, Callable[..., tuple | _Named]] = {
    "register_space": Wire._registration,
    "take_over": Wire._registration,
    "rotate_lock": Wire._rotation,
    "publish_offer": lambda wire, step, space, terms: (space, astuple(terms)),
    "register_vehicle": lambda wire, step, v: (wire._vehicle(step.sender, v),),
    "lease": lambda wire, step, r: (astuple(r),),
    "lease_with_vehicle": lambda wire, step, r, v: (astuple(r), wire._vehicle(step.sender, v)),
    "lease_with_permit": lambda wire, step, r, v, p: (
        astuple(r),
        wire._vehicle(step.sender, v),
        wire._permit(p),
    ),
    "extend": lambda wire, step, r: (astuple(r),),
    "record": lambda wire, step, o, signer: (astuple(o), wire._occupancy(o, signer)),
    "record_batch": Wire._batch,
    "agree": Wire._agreement,
    "deposit_with_permit": lambda wire, step, amount, p: (amount, wire._permit(p)),
    "token.permit": Wire._spend_permit,
    "token.transfer": lambda wire, step, sender, to, amount: (to, amount),
    "token.approve": lambda wire, step, owner, spender, amount: (spender, amount),
    "titles.publish": Wire._publish,
    "titles.claim": Wire._claim,
    "titles.release": lambda wire, step, market, space: (space,),
    "titles.revoke": lambda wire, step, city, *indices: (city, _bits(*indices)),
    "titles.reinstate": lambda wire, step, city, *indices: (city, _bits(*indices)),
}
