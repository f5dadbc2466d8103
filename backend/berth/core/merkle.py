"""Merkle trees that OpenZeppelin's StandardMerkleTree and MerkleProof understand.

Leaves in ascending order of their hashes, pairs hashed in ascending order. One tree is one run of
2n - 1 nodes of 32 bytes: node 0 is the root, the children of node i are 2i + 1 and 2i + 2, the
smallest leaf is the last node. Nothing else is needed to prove a leaf, so a tree is kept as those
bytes alone and read where they lie: in memory or in a mapped file.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from berth.core.checks import octets
from berth.core.errors import BerthError
from berth.core.hashing import hasher, keccak

NODE = 32


class Tree:
    """A tree over any bytes: proofs are cut out of them, nothing is copied beforehand."""

    def __init__(self, nodes: bytes | bytearray | mmap.mmap) -> None:
        count, rest = divmod(len(nodes), NODE)
        if rest or count % 2 == 0:
            raise BerthError("merkle.size", f"{len(nodes)} bytes are no tree", field="tree")
        self.nodes = nodes
        #: How many leaves.
        self.count = (count + 1) // 2

    @property
    def root(self) -> bytes:
        return bytes(self.nodes[:NODE])

    def __contains__(self, leaf: bytes) -> bool:
        return self._find(leaf) is not None

    def proof(self, leaf: bytes) -> list[bytes]:
        """The siblings from a leaf up to the root. BerthError `merkle.absent` if it is no leaf."""
        position = self._find(octets(leaf, "leaf", NODE))
        if position is None:
            raise BerthError("merkle.absent", "is not in the tree", field="leaf", status=404)
        siblings = []
        while position:
            # The left child has an odd number, its sibling follows it.
            siblings.append(self._node(position + 1 if position & 1 else position - 1))
            position = (position - 1) // 2
        return siblings

    def leaves(self) -> Iterable[bytes]:
        """All leaves, smallest first."""
        return (self._node(position) for position in range(2 * self.count - 2, self.count - 2, -1))

    def _node(self, position: int) -> bytes:
        return bytes(self.nodes[position * NODE : (position + 1) * NODE])

    def _find(self, leaf: bytes) -> int | None:
        """Leaves descend from node n - 1 to the last node."""
        low, high = self.count - 1, 2 * self.count - 2
        while low < high:
            middle = (low + high) // 2
            if self._node(middle) > leaf:
                low = middle + 1
            else:
                high = middle
        return low if self._node(low) == leaf else None


def build(leaves: Sequence[bytes]) -> Tree:
    """The tree over leaf hashes of 32 bytes, given in any order. At least one, none twice."""
    count = len(leaves)
    if not count:
        raise BerthError("merkle.empty", "a tree needs at least one leaf", field="leaves")
    ordered = sorted(leaves, reverse=True)
    previous = None
    for leaf in ordered:
        if len(leaf) != NODE:
            raise BerthError("merkle.leaf", f"must be {NODE} bytes, not {len(leaf)}", field="leaf")
        if leaf == previous:
            raise BerthError("merkle.duplicate", f"0x{leaf.hex()} is there twice", field="leaf")
        previous = leaf
    nodes = bytearray(NODE * (count - 1))
    nodes += b"".join(ordered)
    digest = hasher
    # Both children of a node lie side by side: one slice takes the pair.
    for start in range(NODE * (count - 2), -1, -NODE):
        pair = bytes(nodes[2 * start + NODE : 2 * start + 3 * NODE])
        left, right = pair[:NODE], pair[NODE:]
        nodes[start : start + NODE] = digest(pair if left < right else right + left).digest()
    return Tree(nodes)


def verify(root: bytes, leaf: bytes, proof: Iterable[bytes]) -> bool:
    """Does the proof lead from the leaf to the root? As the contract's MerkleProof decides it."""
    node = octets(leaf, "leaf", NODE)
    for sibling in proof:
        octets(sibling, "proof", NODE)
        node = keccak(node + sibling if node < sibling else sibling + node)
    return node == octets(root, "root", NODE)


class TreeFile:
    """A tree in a file, mapped: only the pages that a proof touches are read."""

    def __init__(self, path: str | Path, root: bytes) -> None:
        """Raises BerthError `merkle.file` when the file is missing or is not the tree of `root`."""
        self.path = Path(path)
        try:
            with self.path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise BerthError(
                "merkle.file", f"cannot read {path}: {error}", field="tree", status=500
            ) from error
        try:
            self.tree = Tree(self._map)
            if self.tree.root != root:
                raise BerthError(
                    "merkle.file", f"{path} has another root", field="tree", status=500
                )
        except BerthError:
            self._map.close()
            raise

    def close(self) -> None:
        self._map.close()

    def __enter__(self) -> TreeFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def write_tree(tree: Tree, path: str | Path) -> None:
    """Write a tree's file whole or not at all: through a neighbour, synced and renamed."""
    target = Path(path)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as file:
            file.write(tree.nodes)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
