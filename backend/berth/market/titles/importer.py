"""`berth titles import`: a source file becomes an edition, or nothing at all."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from berth.core import merkle
from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.ids import city_code, city_number
from berth.market.titles import storage
from berth.market.titles.edition import Edition, Former, build
from berth.market.titles.formats import Format, Source, find_format, inspect
from berth.market.titles.reading import Progress, Reading, no_progress, read_all
from berth.market.titles.report import check_report_path, write_report
from berth.market.titles.rows import Rejection
from berth.market.titles.salts import Salts, create_salts, load_salts
from berth.market.titles.storage import EditionRow
from berth.market.titles.trees import check_secret, tree_path
from berth.store.engine import Store

#: An edition revokes what it does not hold any more: a cut-off file must not empty a city.
MAX_DROPPED_PERCENT = 10


@dataclass(frozen=True)
class Import:
    """What to import. `city` and `name` may be None where the format says them.

    `report`: where rejected rows go; None = into the data folder, if there are any.
    `edition`: refuse to make any other edition than this one. `max_dropped_percent`: refuse to
    drop more of the titles that the edition before has.
    """

    path: Path
    format: str
    city: str | None = None
    name: str | None = None
    attribution: str | None = None
    report: Path | None = None
    edition: int | None = None
    max_dropped_percent: int = MAX_DROPPED_PERCENT


@dataclass(frozen=True)
class Imported:
    """What came of it. `unchanged`: the city's edition holds the same titles already.

    Of `rows` the `rejections` carry no title; `added` titles got a new index; the indices of
    `dropped` titles are revoked when the edition is published. `report` is where rejections are.
    """

    edition: EditionRow
    unchanged: bool
    rows: int
    rejections: list[Rejection]
    added: int
    dropped: int
    report: Path | None


@dataclass(frozen=True)
class _Standing:
    """A city before the import. `before` is the newest edition that counts, `draft` a newer one
    that was never sent to the chain and gives way; `indices` are those of `before`."""

    before: EditionRow | None
    draft: EditionRow | None
    former: Former
    indices: frozenset[int]

    @property
    def latest(self) -> EditionRow | None:
        return self.draft or self.before

    @property
    def next_edition(self) -> int:
        return self.before.edition + 1 if self.before else 1


def import_titles(
    store: Store, home: Path, wanted: Import, clock: Clock, progress: Progress = no_progress
) -> Imported:
    """Reads, validates, builds and stores an edition in the data folder `home`.

    Raises BerthError, exit code 2, and has stored nothing then. When every row is rejected it is
    `titles.none_good`, exit code 3, and the report alone is written.
    """
    source_format = find_format(wanted.format)
    city, name = _city(wanted, source_format)
    if wanted.report is not None:
        check_report_path(wanted.report)
    source = inspect(wanted.path)
    reading = read_all(source, source_format, progress)
    report = wanted.report
    if report is None and reading.rejections:
        report = home / "titles" / f"{city_code(city)}-rejected.csv"
    if not reading.records:
        raise _none_good(reading, source, report)

    standing = _standing(store, city)
    salts = _salts(store, home, city, standing)
    built = build(city, reading.records, standing.former, salts, progress)
    progress("building", len(reading.records), len(reading.records))

    row = EditionRow(
        city=city,
        edition=standing.next_edition,
        city_code=city_code(city),
        name=name,
        root="0x" + built.tree.root.hex(),
        content_hash="0x" + built.content_hash.hex(),
        count=len(built.entries),
        index_bound=built.index_bound,
        source_sha256=source.sha256,
        format=wanted.format,
        attribution=(
            source_format.attribution if wanted.attribution is None else wanted.attribution.strip()
        ),
        imported_at=clock.now(),
        published_tx=None,
    )
    same = next(
        (
            known
            for known in (standing.before, standing.draft)
            if known is not None and known.content_hash == row.content_hash
        ),
        None,
    )
    dropped = standing.indices.difference(entry.number for entry in built.entries)
    _check_edition(wanted, same or row)
    _check_dropped(wanted, len(dropped), len(standing.indices))
    _save(store, home, standing, row, None if same else built, (report, reading), progress)
    return Imported(
        edition=same or row,
        unchanged=same is not None,
        rows=reading.rows,
        rejections=reading.rejections,
        added=0 if same else built.added,
        dropped=len(dropped),
        report=report,
    )


def _standing(store: Store, city: int) -> _Standing:
    with store.read() as conn:
        latest = storage.latest_edition(conn, city)
        former = storage.former_of(conn, latest)
        before, draft = latest, None
        if latest is not None and not storage.is_sent(conn, latest):
            before, draft = storage.edition_row(conn, city, latest.edition - 1), latest
        indices = storage.indices_of(conn, city, before.edition) if before else {}
    return _Standing(before, draft, former, frozenset(indices.values()))


def _salts(store: Store, home: Path, city: int, standing: _Standing) -> Salts:
    if standing.latest is None:
        return create_salts(home / "keys", city_code(city))
    salts = load_salts(home / "keys", city_code(city))
    check_secret(store, home, standing.latest, salts)
    return salts


def _save(
    store: Store,
    home: Path,
    standing: _Standing,
    row: EditionRow,
    built: Edition | None,
    reported: tuple[Path | None, Reading],
    progress: Progress,
) -> None:
    """Database, tree and report in one transaction: whatever fails, the edition is not there.

    `built` None: the content is known. A draft of other content gives way in either case.
    """
    report, reading = reported
    stale = standing.draft
    if stale is not None and stale.content_hash == row.content_hash:
        # The same as the draft, and so the draft stays; `before` never equals its draft.
        stale = None
    with ExitStack() as undo:
        with store.write() as conn:
            if storage.latest_edition(conn, row.city) != standing.latest:
                raise BerthError(
                    "titles.concurrent",
                    f"another import of {row.city_code} came first: run this one again",
                    field="city",
                    exit_code=2,
                )
            if stale is not None:
                storage.delete_edition(conn, stale.city, stale.edition)
            if built is not None:
                storage.insert_edition(conn, row)
                for done in storage.insert_entries(conn, row, built.entries):
                    progress("storing", done, row.count)
                path = tree_path(home, row)
                undo.callback(path.unlink, missing_ok=True)
                merkle.write_tree(built.tree, path)
            if report is not None:
                report.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_report(report, reading.rejections)
        undo.pop_all()
    if stale is not None and stale.tree_name != row.tree_name:
        tree_path(home, stale).unlink(missing_ok=True)


def _city(wanted: Import, source_format: Format) -> tuple[int, str]:
    code = wanted.city or source_format.city
    if code is None:
        raise BerthError(
            "titles.city",
            f"format {wanted.format} is of no city in particular: name it by its UN/LOCODE",
            field="city",
            exit_code=2,
        )
    try:
        city = city_number(code)
    except BerthError as error:
        error.exit_code = 2
        raise
    known = source_format.name if city_code(city) == source_format.city else None
    name = " ".join((wanted.name or known or city_code(city)).split())
    return city, name


def _check_edition(wanted: Import, row: EditionRow) -> None:
    if wanted.edition is not None and wanted.edition != row.edition:
        raise BerthError(
            "titles.edition",
            f"this file is edition {row.edition} of {row.city_code}, not {wanted.edition}",
            field="edition",
            exit_code=2,
        )


def _check_dropped(wanted: Import, dropped: int, before: int) -> None:
    if dropped * 100 > wanted.max_dropped_percent * before:
        raise BerthError(
            "titles.dropped",
            f"{dropped} of the {before} titles before are not in this file, more than"
            f" {wanted.max_dropped_percent} %: publishing it would revoke them. If that is meant,"
            " allow it with --max-dropped",
            field="file",
            exit_code=2,
        )


def _none_good(reading: Reading, source: Source, report: Path | None) -> BerthError:
    if report is not None:
        report.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_report(report, reading.rejections)
    first = reading.rejections[0]
    where = f"; all of them: {report}" if report else ""
    return BerthError(
        "titles.none_good",
        f"all {reading.rows} rows of {source.path} are rejected, the first in line {first.line}:"
        f" {first.field} {first.reason}{where}",
        field="file",
        exit_code=3,
    )
