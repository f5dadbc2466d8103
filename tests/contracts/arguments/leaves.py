"""Every argument of every verb, read from the market's own ABI, so that a new one without a row is
noticed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Leaf:
    """One argument, or one member of a struct. `keys` lead to it in the nested lists of a call; of
    a list there is one leaf for its length and one for (each member of) an element."""

    path: str
    kind: str
    keys: tuple[int, ...]


def verbs(abi: list[dict]) -> dict[str, list[Leaf]]:
    """The leaves of each function that may change something."""
    found = {}
    for entry in abi:
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure"):
            assert entry["name"] not in found, "overloaded verbs need another naming"
            found[entry["name"]] = list(_inside(entry["inputs"], entry["name"], ()))
    return found


def _inside(parameters: list[dict], path: str, keys: tuple[int, ...]):
    for place, parameter in enumerate(parameters):
        yield from _leaves(parameter, f"{path}.{parameter['name']}", (*keys, place))


def _leaves(parameter: dict, path: str, keys: tuple[int, ...]):
    kind = parameter["type"]
    if kind.endswith("[]"):
        yield Leaf(path, kind, keys)
        element = {**parameter, "type": kind.removesuffix("[]")}
        yield from _leaves(element, f"{path}[]", (*keys, 0))
    elif kind == "tuple":
        yield from _inside(parameter["components"], path, keys)
    else:
        yield Leaf(path, kind, keys)
