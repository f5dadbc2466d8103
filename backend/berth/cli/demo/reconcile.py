"""The end of the story: withdrawals, and the settlement as chain, index, API and model have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from berth.cli.demo.driving import ENERGY_KWH, STAY_MINUTES, STAY_SLOTS, Trip
from berth.cli.demo.owners import Listing
from berth.cli.demo.people import Person
from berth.cli.demo.stage import Stage, balance_of
from berth.core.errors import BerthError
from berth.core.ids import parse_lease, parse_space
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from berth.core.tariff import bill_minutes, decode_words
from berth.store.derived import settlements

_MONEY = ("rent", "overstay", "energy", "fee", "refund")


async def reconcile(stage: Stage, trip: Trip, listing: Listing) -> None:
    """Raises BerthError demo.books when any two books differ by a single minor unit."""
    driver, owner = trip.driver, listing.owner
    receipt = await driver.api.get(f"/v1/leases/{trip.lease_id}/receipt")
    detail = await driver.api.get(f"/v1/audit/settlements/{receipt['number']}")
    settled = await _from_chain(stage, receipt["transaction"], parse_lease(trip.lease_id))
    index = _from_index(stage, receipt["number"])
    model = await _from_model(stage, trip, listing, settled)

    if receipt["billedMinutes"] != STAY_MINUTES:
        message = f"{receipt['billedMinutes']} minutes are billed, {STAY_MINUTES} were stayed"
        raise BerthError("demo.minutes", message)
    deposit = int(detail["deposit"])
    rows, wrong = [], []
    for name in _MONEY:
        books = [settled[name], index[name], int(receipt[name]), model[name]]
        if len(set(books)) != 1:
            wrong.append(name)
        rows.append([name, *(stage.money(value) for value in books), _mark(len(set(books)) == 1)])
    cost = settled["rent"] + settled["overstay"] + settled["energy"]
    share = cost - settled["fee"]
    parts = share + settled["fee"] + settled["refund"]
    rows.append(
        [
            "owner + fee + refund = deposit",
            stage.money(parts),
            stage.money(int(index["deposit"])),
            stage.money(int(receipt["deposit"])),
            stage.money(deposit),
            _mark(parts == deposit == int(receipt["deposit"]) == int(index["deposit"])),
        ]
    )
    if parts != deposit or int(receipt["deposit"]) != deposit or index["deposit"] != deposit:
        wrong.append("deposit")
    stage.narrator.say(
        f"{receipt['billedMinutes']} of {STAY_SLOTS * 15} booked minutes are billed. No meter is "
        f"connected to the charger yet: 0 Wh, so the reserve for {ENERGY_KWH} kWh goes back."
    )
    stage.narrator.table("The settlement", ["", "chain", "index", "API", "model", ""], rows, {0, 5})

    owner_got = await _withdraw(stage, owner)
    driver_got = await _withdraw(stage, driver)
    head, count, fees = await stage.contracts.market.read(stage.rpc, "ledger")
    left = await balance_of(stage, stage.deployment.market)
    audit = await driver.api.get("/v1/audit/head")
    checks: Sequence[tuple[str, bool]] = (
        (f"{owner.name} received the owner's share, {stage.money(share)}", owner_got == share),
        (
            f"{driver.name} got back {stage.money(settled['refund'])}",
            driver_got == settled["refund"],
        ),
        (
            f"the market keeps the fee alone, {stage.money(settled['fee'])}",
            left == fees == settled["fee"],
        ),
        (
            "the ledger's head follows from the record",
            count == 1 and head == next_head(EMPTY_HEAD, record_hash(Record.told(settled))),
        ),
        (f"the audit says: {audit['sentence']}", audit["verdict"] == "complete"),
    )
    for sentence, holds in checks:
        stage.narrator.say(f"{_mark(holds)} {sentence}")
        if not holds:
            wrong.append(sentence)
    stage.narrator.table(
        "Who paid what",
        ["", "paid", "received"],
        [
            [driver.name, stage.money(deposit), stage.money(driver_got)],
            [owner.name, stage.money(0), stage.money(owner_got)],
            ["platform", stage.money(0), stage.money(fees)],
        ],
        {0},
    )
    stage.narrator.table(
        "Transactions, and who paid their gas",
        ["who", "what", "gas"],
        [[one.who, one.what, f"{one.gas:,}"] for one in stage.narrator.spent],
        {0, 1},
    )
    if wrong:
        raise BerthError("demo.books", f"the books disagree: {'; '.join(wrong)}")


async def _withdraw(stage: Stage, person: Person) -> int:
    """Takes out all credit; what arrived in the person's own token balance."""
    market = stage.contracts.market
    credit = await market.read(stage.rpc, "creditOf", person.address)
    if not credit:
        raise BerthError("demo.credit", f"{person.name} has no credit to withdraw")
    before = await balance_of(stage, person.address)
    await person.transact(
        f"withdrew {stage.money(credit)}", market, "withdraw", person.address, credit
    )
    return int(await balance_of(stage, person.address)) - int(before)


async def _from_chain(stage: Stage, tx_hash: str, lease_id: int) -> dict[str, Any]:
    """The Settled event, straight from the node's receipt."""
    receipt = await stage.rpc.receipt(tx_hash)
    entry = stage.contracts.market.abi.events["Settled"]
    topic = "0x" + entry.topic.hex()
    for log in receipt.logs if receipt is not None else ():
        if log.topics[0] == topic and int(log.topics[1], 16) == lease_id:
            names = [p.name for p in entry.inputs if not p.indexed]
            words = [int.from_bytes(log.data[at : at + 32], "big") for at in range(0, 384, 32)]
            return {
                "leaseId": lease_id,
                "driver": "0x" + log.topics[2][-40:],
                "owner": "0x" + log.topics[3][-40:],
                **dict(zip(names, words, strict=True)),
            }
    raise BerthError("demo.settled", f"transaction {tx_hash} holds no settlement of this lease")


def _from_index(stage: Stage, number: int) -> dict[str, int]:
    """The settlement's row in the index's own table, and the deposit of its lease."""
    from berth.store.derived import leases

    with stage.store.read() as conn:
        row = conn.execute(select(settlements).where(settlements.c.number == number)).mappings()
        found = row.one()
        deposit = conn.execute(
            select(leases.c.deposit).where(leases.c.lease_id == found["lease_id"])
        ).scalar_one()
    return {**{name: int(found[name]) for name in _MONEY}, "deposit": int(deposit)}


async def _from_model(
    stage: Stage, trip: Trip, listing: Listing, settled: dict[str, Any]
) -> dict[str, int]:
    """What the Python model of the tariff says of the same stay."""
    words = await stage.contracts.market.read(
        stage.rpc, "offerOf", parse_space(listing.space_id), settled["offer"]
    )
    bill = bill_minutes(
        decode_words(*words),
        STAY_SLOTS,
        ENERGY_KWH,
        arrived_minute=settled["arrived"] - 1,
        until_minute=settled["until"],
        energy_used=settled["energyWh"] // 100,
    )
    return {name: int(getattr(bill, name)) for name in _MONEY}


def _mark(holds: bool) -> str:
    return "[green]✓[/]" if holds else "[red]✗[/]"
