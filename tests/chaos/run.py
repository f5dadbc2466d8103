"""`make chaos`: kills real processes at random moments while drivers park, then judges.

    python -m tests.chaos.run --kills 200 --seed 7

Half of the kills hit an installation on PostgreSQL and Mosquitto with two relays, half one on
SQLite and the embedded broker; a quarter of them two programs at once. All the while the node
rewrites the end of its chain. Prints one closing line; its status is 1 on any violation.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from berth.chain.local import free_port
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.cli.demo.narrate import Narrator
from berth.cli.demo.people import Api, Person
from berth.cli.platform.enrolling import broker_credentials
from berth.core.deployment import Deployment, load_deployment
from berth.core.errors import BerthError
from berth.core.sealed import open_sealer
from berth.core.settings import load_settings
from berth.devices.mqtt import BrokerLogin
from berth.devices.probe import kept_commands
from berth.devices.topics import BACKEND_USER, WORLD_USER
from berth.store import Store, kept, open_store
from berth.store.backup_file import PURPOSE
from berth.store.restore import restore_backup
from berth.store.transactions import TransactionJournal
from rich.console import Console
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from tests import invariants
from tests.chaos.drivers import Parker, World
from tests.chaos.judge import DEPTH, Figures, judge
from tests.chaos.programs import Broker, Node, Postgres, Program, Role
from tests.chaos.reorgs import Reorganiser, Reorgs
from tests.chaos.schedule import schedule
from tests.chaos.town import Town, build_town
from tests.e2e.installation import clean_environment
from tests.mosquitto import MISSING, Mosquitto, program

#: Locks that one process runs.
LOCKS_A_PROCESS = 3
_REST = 180.0
#: So long a broker on a busy machine may take to answer, seconds.
_ANSWERS = 20.0


@dataclass
class Report:
    """How a run went. `kills` by kind of program; `doubles` by pair, each two of the kills."""

    kind: str
    kills: Counter[str] = field(default_factory=Counter)
    doubles: Counter[str] = field(default_factory=Counter)
    reorgs: Reorgs = field(default_factory=Reorgs)
    wrong: list[str] = field(default_factory=list)
    figures: Figures = field(default_factory=lambda: Figures(0, 0, 0, 0, 0))
    seconds: float = 0.0


@dataclass
class Site:
    """One installation: its programs by name, and how the drivers reach it."""

    kind: str
    home: Path
    rpc_url: str
    http: str
    deployment: Deployment
    database_url: str
    programs: dict[str, Program]
    node: Node
    #: What stands before the locks; and the backend, which may look at what the broker keeps.
    world: BrokerLogin
    backend: BrokerLogin

    def store(self) -> Store:
        return open_store(self.database_url)


async def open_site(kind: str, town: Town, folder: Path) -> Site:
    """A copy of the town with its programs, not started; its kept data comes from the backup."""
    home = town.copy(folder)
    node = Node(home / "chain", free_port())
    settings = load_settings({"BERTH_HOME": str(home)})
    deployment = load_deployment(settings.deployment)
    credentials = broker_credentials(settings)
    world = credentials.add(WORLD_USER)
    backend = credentials.add(BACKEND_USER)
    secret = home / "broker" / "backend.password"
    secret.write_text(backend + "\n", "ascii")
    secret.chmod(0o600)
    programs: dict[str, Program] = {"node": node}
    http_port, mqtt_port = free_port(), free_port()
    for name in ("berth.sqlite", "berth.sqlite-wal", "berth.sqlite-shm"):
        (home / name).unlink(missing_ok=True)
    if kind == "postgresql":
        postgres = Postgres(Path(tempfile.mkdtemp(prefix="berth-chaos-pg-")) / "data")
        postgres.create()
        programs["postgres"] = postgres
        url = postgres.url
        found = program()
        assert found is not None, MISSING
        mosquitto = Mosquitto(folder / "mosquitto", credentials, found)
        programs["mosquitto"] = Broker(mosquitto)
        locks_url, backend_url = mosquitto.locks_url, mosquitto.backend_url
    else:
        url = f"sqlite:///{home / 'berth.sqlite'}"
        locks_url = backend_url = f"mqtt://127.0.0.1:{mqtt_port}"
    keys = open_sealer(settings.keys).derived(PURPOSE)
    await asyncio.to_thread(restore_backup, url, town.backup, keys, deployment)
    environment = clean_environment(
        BERTH_HOME=str(home),
        BERTH_RPC_URL=node.url,
        BERTH_SIGNER_RPC_URL=node.url,
        BERTH_DATABASE_URL=url,
        BERTH_HTTP_PORT=str(http_port),
    )
    with_broker = environment | {"BERTH_MQTT_URL": backend_url}

    def role(name: str, *words: str, speaks: bool = True, broker: bool = True) -> None:
        arguments = words or (name, "--json")
        chosen = with_broker if broker else environment
        programs[name] = Role(name, arguments, chosen, folder / f"{name}.log", speaks)

    if kind == "sqlite":
        port = ("--mqtt-port", str(mqtt_port))
        role("broker", "devices", "--broker", "--no-locks", *port, "--json", broker=False)
    role("signer")
    role("indexer")
    role("relay")
    role("keeper")
    role("api")
    if kind == "postgresql":
        role("relay-2", "relay", "--json")
    homes = [home / "locks" / one.space.lock_folder for one in town.drivers]
    for number in range(0, len(homes), LOCKS_A_PROCESS):
        some = [
            word
            for one in homes[number : number + LOCKS_A_PROCESS]
            for word in ("--home", str(one))
        ]
        timing = ("--travel", "0.4", "--debounce", "1")
        words = ("lock", "simulate", *some, "--broker", locks_url, *timing)
        role(f"locks-{number // LOCKS_A_PROCESS + 1}", *words, speaks=False)
    http = f"http://127.0.0.1:{http_port}"
    outside = BrokerLogin.at(locks_url, WORLD_USER, world)
    inside = BrokerLogin.at(backend_url, BACKEND_USER, backend)
    return Site(kind, home, node.url, http, deployment, url, programs, node, outside, inside)


async def start_all(site: Site) -> None:
    for one in site.programs.values():
        if not isinstance(one, Postgres):
            await one.start()
    await asyncio.gather(*(one.ready() for one in site.programs.values()))


class Killer:
    """Kills and starts again, by one seed."""

    def __init__(self, site: Site, chance: random.Random, report: Report) -> None:
        self._site = site
        self._chance = chance
        self._report = report

    async def kill(self, times: int) -> None:
        for blow in schedule(self._site.programs, times, self._chance):
            await asyncio.sleep(self._chance.uniform(0.2, 3.0))
            hit = [self._site.programs[name] for name in blow]
            self._look()
            # a reorg is one step of the node's
            async with self._site.node.whole if "node" in blow else contextlib.nullcontext():
                await asyncio.gather(*(one.kill() for one in hit))
            for name in blow:
                self._report.kills[_kind(name)] += 1
            if len(blow) > 1:
                self._report.doubles["+".join(_kind(name) for name in blow)] += 1
            pauses = [self._chance.choice((0.0, 0.0, 0.3, 1.0, 2.5)) for _ in hit]
            await asyncio.gather(*(_again(*both) for both in zip(hit, pauses, strict=True)))
            if self._chance.random() < 0.35:
                for one in hit:
                    await self._ready(one)
        for one in self._site.programs.values():
            await self._ready(one)

    async def _ready(self, one: Program) -> None:
        try:
            await one.ready()
        except AssertionError as error:
            self._report.wrong.append(str(error))

    def _look(self) -> None:
        for one in self._site.programs.values():
            trouble = one.trouble()
            if trouble is not None:
                self._report.wrong.append(trouble)


def _kind(name: str) -> str:
    return name.split("-", maxsplit=1)[0]


async def _again(one: Program, pause: float) -> None:
    await asyncio.sleep(pause)
    await one.start()


async def chaos(kind: str, town: Town, folder: Path, kills: int, seed: int) -> Report:
    """One installation, `kills` kills, and everything that is wrong afterwards."""
    report, began = Report(kind), time.monotonic()
    chance = random.Random(seed)
    site = await open_site(kind, town, folder)
    async with _ending(site):
        await start_all(site)
        async with Rpc(site.rpc_url, timeout=10.0) as rpc:
            world = World(site.world, site.home / "locks")
            wallets = open_store(str(folder / "wallets.sqlite"))
            parkers = [
                Parker(
                    driver,
                    await _person(site, driver.name, driver.key, rpc, wallets),
                    world,
                    rpc,
                    site.deployment,
                    random.Random(f"{seed} {driver.name}"),
                )
                for driver in town.drivers
            ]
            stop, calm = asyncio.Event(), asyncio.Event()
            driving = [asyncio.ensure_future(one.park(stop)) for one in parkers]
            reorganiser = Reorganiser(
                site.node,
                site.deployment,
                [one.address for one in parkers],
                DEPTH,
                random.Random(f"{seed} reorgs"),
            )
            report.reorgs = reorganiser.reorgs
            try:
                await _first_lease(parkers)
                rewriting = asyncio.ensure_future(reorganiser.run(calm))
                driving.append(rewriting)
                await Killer(site, chance, report).kill(kills)
                await _first_reorg(report.reorgs)
                calm.set()
                await rewriting
                stop.set()
                done, late = await asyncio.wait(driving, timeout=2 * _REST)
                report.wrong += [f"a driver is stuck: {_where(one)}" for one in late]
                for finished in done:
                    finished.result()
            finally:
                for task in driving:
                    task.cancel()
                await asyncio.gather(*driving, return_exceptions=True)
                await world.close()
            await _at_rest(site)
            kept_on = await kept_commands(site.backend, within=_ANSWERS)
            report.wrong += invariants.kept_commands((name, True) for name in kept_on)
            report.wrong += [t for one in site.programs.values() if (t := one.trouble())]
            for name, one in site.programs.items():
                if name not in ("node", "postgres"):
                    try:
                        await one.stop()
                    except AssertionError as error:
                        report.wrong.append(str(error))
            journals = {
                one.space.lock_id: site.home / "locks" / one.space.lock_folder / "journal.jsonl"
                for one in town.drivers
            }
            store = site.store()
            wrong, report.figures = await judge(
                store, rpc, site.deployment, journals, parkers, folder, report.reorgs.confirmed
            )
            report.wrong += wrong
            store.close()
            wallets.close()
            for parker in parkers:
                await parker._person.api.close()
    report.seconds = time.monotonic() - began
    return report


async def _person(site: Site, name: str, key: bytes, rpc: Rpc, wallets: Store) -> Person:
    sender = Sender(rpc, TransactionJournal(wallets), key, site.deployment.chain_id)
    narrator = Narrator(Console(quiet=True))
    person = Person(name, key, sender, Api(site.http), narrator, site.deployment.chain_id)
    deadline = time.monotonic() + 60
    while True:
        try:
            await person.sign_in()
        except (BerthError, OSError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)
        else:
            return person


async def _first_lease(parkers: list[Parker]) -> None:
    """Kills begin once somebody parks."""
    deadline = time.monotonic() + 90
    while not any(one.trips for one in parkers):
        assert time.monotonic() < deadline, "nobody could book"
        await asyncio.sleep(0.2)


async def _first_reorg(reorgs: Reorgs) -> None:
    """Kills of the node may have cut short every reorg of a short run: one more has to come."""
    deadline = time.monotonic() + 120
    while not reorgs.depths and time.monotonic() < deadline:
        await asyncio.sleep(0.2)


async def _at_rest(site: Site) -> None:
    """Waits until nothing is under way any more: judged is what is left then."""
    deadline = time.monotonic() + _REST
    busy = (
        select(func.count()).where(
            kept.commands.c.state.in_(
                ("observed", "confirmed", "eligible", "claimed", "published", "acknowledged")
            )
        ),
        select(func.count()).where(kept.outbox.c.state.in_(("new", "claimed"))),
        select(func.count()).where(kept.evidence.c.state.in_(("received", "submitted"))),
        select(func.count()).where(kept.sent_transactions.c.state.in_(("signed", "sent"))),
    )
    store = site.store()
    try:
        quiet = 0
        while quiet < 3 and time.monotonic() < deadline:
            await asyncio.sleep(1.0)
            with contextlib.suppress(SQLAlchemyError), store.read() as conn:
                quiet = quiet + 1 if not any(conn.execute(q).scalar_one() for q in busy) else 0
    finally:
        store.close()


def _where(task: asyncio.Task[None]) -> str:
    frames = task.get_stack(limit=1)
    return f"{frames[-1].f_code.co_name}:{frames[-1].f_lineno}" if frames else "unknown"


@asynccontextmanager
async def _ending(site: Site) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await close_site(site)


async def close_site(site: Site) -> None:
    """Ends whatever still runs of it, and takes its database server away."""
    for one in reversed(list(site.programs.values())):
        with contextlib.suppress(Exception):
            if isinstance(one, Node | Postgres):
                await one.stop()
            else:
                await one.kill()
    postgres = site.programs.get("postgres")
    if isinstance(postgres, Postgres):
        shutil.rmtree(postgres.folder.parent, ignore_errors=True)


def closing_line(reports: list[Report], seed: int) -> str:
    """One line: kills by role, double kills by pair, reorgs, leases, actuations, violations."""
    kills: Counter[str] = sum((one.kills for one in reports), Counter())
    doubles: Counter[str] = sum((one.doubles for one in reports), Counter())
    depths = [depth for one in reports for depth in one.reorgs.depths]
    return (
        f"chaos: seed {seed}, {kills.total()} kills ({_counted(kills)}), "
        f"{doubles.total()} of two at once ({_counted(doubles)}), "
        f"{len(depths)} reorgs (up to {max(depths, default=0)} blocks; "
        f"{sum(r.reorgs.replayed for r in reports)} transactions mined anew, "
        f"{sum(r.reorgs.dropped for r in reports)} lost), "
        f"{sum(r.figures.leases for r in reports)} leases, "
        f"{sum(r.figures.served for r in reports)} served, "
        f"{sum(r.figures.actuations for r in reports)} actuations, "
        f"{sum(r.figures.transactions for r in reports)} transactions, "
        f"{sum(r.figures.incidents for r in reports)} incidents, "
        f"{sum(r.seconds for r in reports):.0f} s, "
        f"{sum(len(r.wrong) for r in reports)} violations"
    )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spaces", type=int, default=6)
    parser.add_argument("--on", choices=("both", "postgresql", "sqlite"), default="both")
    parser.add_argument("--folder", type=Path, help="keep everything in this new folder")
    options = parser.parse_args()
    if options.on != "sqlite" and program() is None:
        print(MISSING, file=sys.stderr)
        return 1
    folder = options.folder or Path(tempfile.mkdtemp(prefix="berth-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    kinds = ("postgresql", "sqlite") if options.on == "both" else (options.on,)
    began = time.monotonic()
    town = build_town(folder / "town", options.spaces)
    print(
        f"chaos: a town of {options.spaces} spaces in {time.monotonic() - began:.0f} s", flush=True
    )
    reports = []
    for number, kind in enumerate(kinds):
        share = options.kills // len(kinds) + (1 if number < options.kills % len(kinds) else 0)
        (folder / kind).mkdir()
        report = asyncio.run(chaos(kind, town, folder / kind, share, options.seed + number))
        reports.append(report)
        for words in report.wrong:
            print(f"chaos: {kind}: {words}", flush=True)
        print(
            closing_line([report], options.seed + number).replace("chaos:", f"chaos: {kind}:", 1),
            flush=True,
        )
    wrong = sum(len(one.wrong) for one in reports)
    (folder / "reports.json").write_text(
        json.dumps(
            [
                {
                    "kind": r.kind,
                    "kills": r.kills,
                    "doubles": r.doubles,
                    "reorgs": r.reorgs.depths,
                    "wrong": r.wrong,
                }
                for r in reports
            ]
        )
    )
    print(closing_line(reports, options.seed))
    if wrong or options.folder:
        print(f"chaos: everything is in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
