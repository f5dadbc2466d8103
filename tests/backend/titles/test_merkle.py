"""The tree is OpenZeppelin's: same nodes, same proofs, and nothing else passes for a leaf."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest
from berth.core import merkle
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.title import Title, leaf
from hypothesis import given, settings
from hypothesis import strategies as st

VECTORS = json.loads((Path(__file__).parent / "vectors" / "openzeppelin.json").read_text())


def _title(value: list) -> Title:
    city, index, holder, address, cell, attributes, day = value
    return Title(
        city,
        index,
        bytes.fromhex(holder[2:]),
        bytes.fromhex(address[2:]),
        cell,
        int(attributes),
        day,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{len(v['values'])} leaves")
class TestOpenZeppelin:
    def test_every_node_is_the_one_openzeppelin_makes(self, vector):
        tree = merkle.build([leaf(_title(value)) for value in vector["values"]])
        nodes = [bytes.fromhex(node[2:]) for node in vector["tree"]]
        assert bytes(tree.nodes) == b"".join(nodes)
        assert tree.root == bytes.fromhex(vector["root"][2:])
        assert tree.count == len(vector["values"])

    def test_every_proof_is_the_one_openzeppelin_gives(self, vector):
        leaves = [leaf(_title(value)) for value in vector["values"]]
        tree = merkle.build(leaves)
        for one, proof in zip(leaves, vector["proofs"], strict=True):
            assert ["0x" + node.hex() for node in tree.proof(one)] == proof
            assert merkle.verify(tree.root, one, tree.proof(one))


@settings(max_examples=60)
@given(st.sets(st.binary(min_size=32, max_size=32), min_size=1, max_size=70))
def test_every_leaf_of_any_set_is_proven_and_no_other(leaves):
    tree = merkle.build(list(leaves))
    assert set(tree.leaves()) == leaves
    for one in leaves:
        assert one in tree
        assert merkle.verify(tree.root, one, tree.proof(one))
        assert not merkle.verify(tree.root, keccak(one), tree.proof(one))
    assert keccak(min(leaves)) not in tree


def test_the_order_of_the_leaves_does_not_matter():
    leaves = [os.urandom(32) for _ in range(33)]
    assert merkle.build(leaves).root == merkle.build(leaves[::-1]).root


def test_an_inner_node_is_no_leaf():
    leaves = [os.urandom(32) for _ in range(4)]
    tree = merkle.build(leaves)
    inner = bytes(tree.nodes[32:64])
    assert inner not in tree
    with pytest.raises(BerthError) as refused:
        tree.proof(inner)
    assert (refused.value.code, refused.value.field) == ("merkle.absent", "leaf")


@pytest.mark.parametrize(
    ("leaves", "code"),
    [
        ([], "merkle.empty"),
        ([b"\1" * 31], "merkle.leaf"),
        ([b"\1" * 32, b"\2" * 32, b"\1" * 32], "merkle.duplicate"),
    ],
)
def test_a_tree_of_nothing_of_odd_leaves_or_of_twins_is_refused(leaves, code):
    with pytest.raises(BerthError) as refused:
        merkle.build(leaves)
    assert refused.value.code == code


@pytest.mark.parametrize("size", [0, 31, 33, 64, 128])
def test_bytes_that_cannot_be_a_tree_are_refused(size):
    with pytest.raises(BerthError, match="are no tree"):
        merkle.Tree(bytes(size))


def test_without_the_extension_in_c_the_hashes_are_the_same(monkeypatch):
    leaves = [os.urandom(32) for _ in range(9)]
    monkeypatch.setitem(sys.modules, "sha3", None)  # as where it has no wheel
    spec = importlib.util.find_spec("berth.core.hashing")
    assert spec is not None
    assert spec.loader is not None
    slow = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(slow)
    assert slow.hasher is not merkle.hasher
    expected = merkle.build(leaves)
    assert slow.keccak(b"") == keccak(b"")
    monkeypatch.setattr(merkle, "hasher", slow.hasher)
    assert merkle.build(leaves).nodes == expected.nodes


class TestFile:
    def test_a_written_tree_proves_from_its_file(self, tmp_path):
        leaves = [os.urandom(32) for _ in range(100)]
        tree = merkle.build(leaves)
        merkle.write_tree(tree, tmp_path / "deep" / "a.tree")
        assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["a.tree"]
        with merkle.TreeFile(tmp_path / "deep" / "a.tree", tree.root) as kept:
            assert kept.tree.count == 100
            assert kept.tree.proof(leaves[7]) == tree.proof(leaves[7])

    def test_a_tree_of_another_root_is_refused(self, tmp_path):
        merkle.write_tree(merkle.build([b"\1" * 32]), tmp_path / "a.tree")
        with pytest.raises(BerthError, match="another root"):
            merkle.TreeFile(tmp_path / "a.tree", b"\2" * 32)

    def test_a_missing_or_empty_file_is_refused(self, tmp_path):
        with pytest.raises(BerthError, match="cannot read"):
            merkle.TreeFile(tmp_path / "none.tree", b"\2" * 32)
        (tmp_path / "empty.tree").touch()
        with pytest.raises(BerthError, match="cannot read"):
            merkle.TreeFile(tmp_path / "empty.tree", b"\2" * 32)

    def test_a_failed_write_leaves_the_old_file_and_no_draft(self, tmp_path, monkeypatch):
        old = merkle.build([b"\1" * 32])
        merkle.write_tree(old, tmp_path / "a.tree")

        def full(_handle):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            merkle.write_tree(merkle.build([b"\2" * 32]), tmp_path / "a.tree")
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.tree"]
        assert (tmp_path / "a.tree").read_bytes() == bytes(old.nodes)
