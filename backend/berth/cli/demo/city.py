"""The city of the demo: real Melbourne bays where the data is there, else a small generated one."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from berth.core.zones import offset_at

MELBOURNE = Path("melbourne") / "on-street-parking-bays.csv"

# A grid of 12 x 10 made-up bays in the Gulf of Guinea, where nobody parks.
_ROWS, _COLUMNS = 12, 10
_LAT, _LON, _STEP = 0.01, 0.01, 0.00012


@dataclass(frozen=True)
class City:
    """A source of titles for `berth titles import`."""

    code: str
    name: str
    format: str
    file: Path
    generated: bool
    destination: tuple[float, float]
    """Where the driver wants to go: latitude, longitude."""
    utc_offset: int
    """Of its local time, quarter hours."""

    @property
    def destination_words(self) -> str:
        """The destination for people: city, latitude, longitude."""
        lat, lon = self.destination
        return f"{self.name} ({lat:.4f}, {lon:.4f})"


def choose_city(data: Path, home: Path) -> City:
    """Melbourne from the data folder, or a generated city written into the demo's own folder."""
    real = data / MELBOURNE
    if real.is_file():
        offset = offset_at("Australia/Melbourne", int(time.time()))
        return City(
            "AUMEL", "Melbourne", "melbourne-bays", real, False, (-37.8136, 144.9631), offset
        )
    made = home / "generated-city.geojson"
    made.write_text(json.dumps(_generated()), "utf-8")
    centre = (_LAT + _ROWS * _STEP / 2, _LON + _COLUMNS * _STEP / 2)
    return City("XXGEN", "Generated City", "geojson", made, True, centre, 0)


def _generated() -> dict[str, object]:
    features = []
    for row in range(_ROWS):
        for column in range(_COLUMNS):
            number = row * _COLUMNS + column + 1
            features.append(
                {
                    "type": "Feature",
                    "geometry": {
                        "type": "Point",
                        "coordinates": [
                            round(_LON + column * _STEP, 7),
                            round(_LAT + row * _STEP, 7),
                        ],
                    },
                    "properties": {
                        "id": f"GEN-{number:04d}",
                        "address": f"{column + 1} Generated Street {row + 1}",
                        "kind": "driveway",
                        "height_cm": 0,
                        "width_cm": 250,
                        "length_cm": 550,
                        "sharing": True,
                        "valid_until": "2035-12-31",
                        "holder": f"generated:XXGEN:{number:06d}",
                    },
                }
            )
    return {"type": "FeatureCollection", "features": features}
