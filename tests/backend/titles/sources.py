"""Lines of source files in format csv."""

from __future__ import annotations

COLUMNS = "id,lat,lon,address,kind,height_cm,width_cm,length_cm,sharing,valid_until,holder"
CITY = "AUMEL"


def row(number: int, **changes: object) -> str:
    """A good row of format csv, with some columns changed."""
    values: dict[str, object] = {
        "id": f"S-{number}",
        "lat": f"{-37.8 - number / 10_000:.4f}",
        "lon": "144.96",
        "address": f"{number} Example Street",
        "kind": "driveway",
        "height_cm": 0,
        "width_cm": 250,
        "length_cm": 550,
        "sharing": "yes",
        "valid_until": "",
        "holder": "",
    } | changes
    return ",".join(str(values[name]) for name in COLUMNS.split(","))


def rows(*numbers: int) -> list[str]:
    return [row(number) for number in numbers]
