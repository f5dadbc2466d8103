"""`berth titles import | take | list`: the library, off the chain."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from berth.cli.keyring import open_key
from berth.cli.titles.common import CITY, JSON, PASSWORD, city_of, opened, watched
from berth.core.addresses import checksum
from berth.core.clock import WallClock
from berth.core.deployment import load_deployment
from berth.core.errors import BerthError
from berth.core.geo import check_place
from berth.core.settings import load_settings
from berth.market.titles.formats import FORMATS
from berth.market.titles.importer import MAX_DROPPED_PERCENT, Import, Imported, import_titles
from berth.market.titles.storage import EditionRow, all_cities

#: Some rows were rejected, the others are in.
EXIT_REJECTED = 3


def import_file(
    file: Path = typer.Argument(..., help="The source file, UTF-8."),
    source_format: str = typer.Option(..., "--format", help=f"One of {', '.join(FORMATS)}."),
    city: str | None = typer.Option(None, help="UN/LOCODE; known for the cities' own formats."),
    name: str | None = typer.Option(None, help="The city's name."),
    attribution: str | None = typer.Option(None, help="Publisher and licence of the source."),
    report: Path | None = typer.Option(
        None, help="Where rejected rows go, .csv or .jsonl; default: the data folder."
    ),
    edition: int | None = typer.Option(None, help="Refuse to make any other edition than this."),
    max_dropped: int = typer.Option(
        MAX_DROPPED_PERCENT, min=0, max=100, help="Most titles that may be dropped, percent."
    ),
    as_json: bool = JSON,
) -> None:
    """Read a city's titles into the library. Exit code 3: some rows were rejected."""
    settings = load_settings()
    with opened(settings) as store, watched() as progress:
        done = import_titles(
            store,
            settings.home,
            Import(
                file,
                source_format,
                city=city,
                name=name,
                attribution=attribution,
                report=report,
                edition=edition,
                max_dropped_percent=max_dropped,
            ),
            WallClock(),
            progress,
        )
    codes = Counter(one.code for one in done.rejections)
    if as_json:
        typer.echo(json.dumps(_imported_json(done, codes)))
    else:
        _tell(done, codes)
    if done.rejections:
        raise typer.Exit(EXIT_REJECTED)


def take(
    city: str = CITY,
    wallet: str = typer.Option(..., help="The account that becomes the holder."),
    index: int | None = typer.Option(None, min=0, help="This title."),
    near: str | None = typer.Option(None, help="LATITUDE,LONGITUDE: the nearest free title."),
    keystore: Path | None = typer.Option(None, help="Keystore of the verifier of owners."),
    password_file: Path | None = PASSWORD,
) -> None:
    """On a local chain: become the holder of a generated title. Prints all that proves it."""
    from berth.market.attest import holder_json
    from berth.market.titles.library import TitleLibrary
    from berth.market.titles.taking import take_generated_title

    settings = load_settings()
    deployment = load_deployment(settings.deployment)
    point = _point(near) if near is not None else None
    key = open_key(settings, keystore, password_file, "verifier")
    with opened(settings) as store:
        library = TitleLibrary(store, settings.home)
        try:
            taken = take_generated_title(
                library,
                deployment,
                key,
                wallet,
                city_of(city),
                WallClock(),
                index=index,
                near=point,
            )
        finally:
            library.close()
    title, entry = taken.title.title, taken.title.entry
    answer = {
        "wallet": checksum(taken.wallet),
        "title": {
            "city": taken.title.edition.city_code,
            "index": title.index,
            "saltedHolder": "0x" + title.salted_holder.hex(),
            "addressHash": "0x" + title.address_hash.hex(),
            "cell": title.cell,
            "attributes": title.attributes,
            "validDay": title.valid_day,
        },
        "proof": ["0x" + node.hex() for node in taken.title.proof],
        "holder": holder_json(taken.holder),
        "private": {
            "holder": entry.holder,
            "holderSalt": "0x" + taken.title.holder_salt.hex(),
            "address": entry.address,
            "addressSalt": "0x" + taken.title.address_salt.hex(),
            "lat": entry.lat,
            "lon": entry.lon,
        },
    }
    typer.echo(json.dumps(answer, ensure_ascii=False))


def list_cities(as_json: bool = JSON) -> None:
    """The newest edition of every imported city."""
    settings = load_settings()
    with opened(settings) as store, store.read() as conn:
        rows = all_cities(conn)
    if as_json:
        typer.echo(json.dumps([_edition_json(row) for row in rows], ensure_ascii=False))
        return
    for row in rows:
        state = f"published {row.published_tx}" if row.published_tx else "not published"
        typer.echo(
            f"{row.city_code} {row.name}: edition {row.edition}, {row.count:,} titles, {state}"
        )
    if not rows:
        typer.echo("no city has been imported")


def _imported_json(done: Imported, codes: Counter[str]) -> dict[str, Any]:
    return {
        **_edition_json(done.edition),
        "unchanged": done.unchanged,
        "rows": done.rows,
        "added": done.added,
        "dropped": done.dropped,
        "rejected": len(done.rejections),
        "reasons": dict(codes),
        "report": str(done.report) if done.report else None,
    }


def _edition_json(row: EditionRow) -> dict[str, Any]:
    return {
        "city": row.city_code,
        "name": row.name,
        "edition": row.edition,
        "count": row.count,
        "root": row.root,
        "contentHash": row.content_hash,
        "format": row.format,
        "attribution": row.attribution,
        "published": row.published_tx,
    }


def _tell(done: Imported, codes: Counter[str]) -> None:
    row = done.edition
    what = "unchanged" if done.unchanged else f"{done.added:,} new, {done.dropped:,} dropped"
    typer.echo(
        f"edition {row.edition} of {row.name} ({row.city_code}): {row.count:,} titles, {what}"
    )
    typer.echo(f"root {row.root}, content {row.content_hash}")
    if done.rejections:
        reasons = ", ".join(f"{code} {count:,}" for code, count in codes.most_common())
        typer.echo(
            f"{len(done.rejections):,} of {done.rows:,} rows rejected ({reasons}): {done.report}"
        )


def _point(text: str) -> tuple[float, float]:
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        raise BerthError(
            "titles.near", f"must be LATITUDE,LONGITUDE, not {text!r}", field="near", exit_code=2
        ) from None
    return check_place(lat, lon)
