"""The market's one ABI: that of ParkingMarket and of the extension that serves its rarer verbs."""


def joined(core: list[dict], extension: list[dict]) -> list[dict]:
    """All entries of the core, then those that only the extension has (but its constructor)."""
    known = {_signature(entry) for entry in core}
    rest = [
        entry
        for entry in extension
        if entry["type"] != "constructor" and _signature(entry) not in known
    ]
    return [*core, *rest]


def _signature(entry: dict) -> tuple:
    types = tuple(parameter["type"] for parameter in entry.get("inputs", ()))
    return entry["type"], entry.get("name", ""), types
