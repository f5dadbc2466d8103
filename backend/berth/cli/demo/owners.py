"""The owners' part: title, lock, compliance with its reasons, registration, offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from berth.chain.reverts import ChainRevertError
from berth.cli.demo.people import Person
from berth.cli.demo.stage import Stage
from berth.cli.platform.enrolling import Enrolled, enrol_lock
from berth.core.errors import BerthError
from berth.core.ids import city_number, parse_space
from berth.core.messages import holder_attestation, lock_attestation, lock_possession, sign
from berth.core.offer import Terms
from berth.market.attest import attest_lock, holder_json, lock_json
from berth.market.titles.taking import take_generated_title
from berth.web.routes.spaces import registration_of
from berth.web.schemas.spaces import RegistrationBody

_DAY = 86_400
_YEAR_DAYS = 365
#: So long may an owner's public words be.
_AREA_LENGTH = 80


@dataclass(frozen=True)
class Wish:
    """What an owner offers. Prices in minor units; power in watts, 0 = no charger."""

    name: str
    near: tuple[float, float]
    price_per_slot: int
    price_per_kwh: int
    connectors: tuple[str, ...]
    power_w: int


@dataclass
class Listing:
    """A registered and offered space."""

    owner: Person
    space_id: str
    lock: Enrolled
    address: str
    index: int
    point: tuple[float, float]
    offer: int = 0


@dataclass
class Papers:
    """All that an owner has in hand to register a space."""

    owner: Person
    wish: Wish
    proof: dict[str, Any]
    body: dict[str, Any]
    lock: Enrolled


async def gather_papers(stage: Stage, wish: Wish) -> Papers:
    """A wallet, a title of its own, a verified identity, an enrolled and attested lock."""
    owner = stage.person(wish.name)
    await stage.fund(owner, 0)
    await owner.sign_in()
    city = city_number(stage.city.code)
    taken = take_generated_title(
        stage.library,
        stage.deployment,
        stage.parties.key("verifier"),
        owner.address,
        city,
        _At(await stage.now()),
        near=wish.near,
    )
    index = taken.title.title.index
    proof = await owner.api.post("/v1/titles/proof", {"city": stage.city.code, "index": index})
    lock = enrol_lock(
        stage.settings,
        stage.deployment,
        name=f"{stage.city.code.lower()}-{index}",
        space=parse_space(proof["spaceId"]),
        owner=owner.address,
    )
    valid_day = await stage.now() // _DAY + _YEAR_DAYS
    attested = attest_lock(
        stage.deployment, stage.parties.key("maker"), lock.lock_id, valid_day=valid_day
    )
    body = {
        "title": proof["title"],
        "proof": proof["proof"],
        "holder": holder_json(taken.holder),
        "lock": {**lock_json(attested), "possession": "0x" + lock.possession.hex()},
        "connectors": list(wish.connectors),
        "powerW": wish.power_w,
    }
    return Papers(owner, wish, proof, body, lock)


async def spoil(stage: Stage, papers: Papers) -> dict[str, Any]:
    """The same papers as somebody careless would hand them in: four things are wrong."""
    domain, today = stage.deployment.domain, await stage.now() // _DAY
    stranger = stage.person("Somebody else").address
    title = papers.body["title"]
    valid_day = papers.body["holder"]["validDay"]
    nonce = int(papers.body["holder"]["nonce"])
    holder = holder_attestation(
        domain, stranger, bytes.fromhex(title["saltedHolder"][2:]), valid_day, nonce
    )
    expired = lock_attestation(domain, papers.lock.lock_id, today - 1)
    other_space = lock_possession(
        domain, papers.lock.lock_id, parse_space(papers.proof["spaceId"]) + 1, papers.owner.address
    )
    return {
        **papers.body,
        "holder": {
            **papers.body["holder"],
            "signature": "0x" + sign(holder, stage.parties.key("verifier")).hex(),
        },
        "lock": {
            **papers.body["lock"],
            "validDay": today - 1,
            "makerSignature": "0x" + sign(expired, stage.parties.key("maker")).hex(),
            "possession": "0x" + sign(other_space, papers.lock.private_key).hex(),
        },
        "powerW": 0,
    }


async def chain_refusal(stage: Stage, owner: Person, body: dict[str, Any]) -> int:
    """The bitmap with which the chain itself refuses a registration; 0 = it would not."""
    struct = registration_of(RegistrationBody.model_validate(body)).struct()
    try:
        await stage.contracts.market.read(stage.rpc, "registerSpace", struct, sender=owner.address)
    except ChainRevertError as refusal:
        if refusal.name != "Berth_NotCompliant":
            raise
        return int(refusal.arguments["reasons"])
    return 0


async def register(stage: Stage, papers: Papers) -> Listing:
    """Registers the space with the transaction that the compliance check prepared."""
    owner = papers.owner
    check = await owner.api.post("/v1/spaces/check", papers.body)
    if not check["compliant"]:
        sentences = "; ".join(reason["sentence"] for reason in check["reasons"])
        raise BerthError("demo.compliance", f"{owner.name}'s papers are refused: {sentences}")
    await owner.send("registered the space", check["transaction"])
    lon, lat = papers.proof["point"]["coordinates"]
    listing = Listing(
        owner,
        check["spaceId"],
        papers.lock,
        papers.proof["address"],
        papers.proof["title"]["index"],
        (lat, lon),
    )
    await stage.until(
        "the index to see the space",
        lambda: _found(owner, f"/v1/spaces/{listing.space_id}"),
        lambda answer: answer is not None,
    )
    await owner.api.put(
        f"/v1/spaces/{listing.space_id}/private",
        {
            "address": papers.proof["address"],
            "salt": papers.proof["addressSalt"],
            "point": papers.proof["point"],
            "instructions": "The lock is in the middle of the bay; stop one metre before it.",
            "access": [{"kind": "lock"}],
            # four decimals: good to eleven metres
            "publicPoint": {"type": "Point", "coordinates": [round(lon, 4), round(lat, 4)]},
            "publicArea": public_area(papers.proof["address"], stage.city.name),
        },
    )
    return listing


def public_area(address: str, city: str) -> str:
    """What an owner lets everybody know of an address: its street, without house and crossings."""
    street = address.removesuffix(f", {city}").split(" between ")[0].lstrip("0123456789 ")
    return f"{street}, {city}"[:_AREA_LENGTH]


async def publish(stage: Stage, papers: Papers, listing: Listing) -> None:
    """Publishes an offer: all hours of the week, for a year, unlock by plate, word and place."""
    today = await stage.now() // _DAY
    wish = papers.wish
    terms = Terms(
        price_per_slot=wish.price_per_slot,
        price_per_kwh=wish.price_per_kwh,
        overstay_pct=200,
        reserve_minutes=30,
        free_cancel_hours=1,
        utc_offset=stage.city.utc_offset,
        first_day=today - 1,
        last_day=today + _YEAR_DAYS - 2,
        max_slots=96,
    )
    space = parse_space(listing.space_id)
    price = stage.money(wish.price_per_slot)
    await listing.owner.transact(
        f"offered it at {price} for 15 minutes",
        stage.contracts.market,
        "publishOffer",
        space,
        terms.struct(),
    )
    listing.offer = 1


@dataclass(frozen=True)
class _At:
    """A clock that stands at the chain's time."""

    moment: int

    def now(self) -> int:
        return self.moment


async def _found(person: Person, path: str) -> Any:
    try:
        return await person.api.get(path)
    except BerthError as error:
        if error.status == 404:
            return None
        raise
