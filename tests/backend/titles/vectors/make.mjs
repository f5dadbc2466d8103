// Makes openzeppelin.json with OpenZeppelin's own library: node tests/backend/titles/vectors/make.mjs
import { writeFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const TYPES = ["uint32", "uint32", "bytes32", "bytes32", "uint32", "uint64", "uint16"];
const MASK = (1n << 256n) - 1n;
const A = 0x9e3779b97f4a7c15f39cc0605cedc8341082276bf3a27251f86c6a11d0c18e95n;
const B = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe7n;
const word = (a, b) => "0x" + ((BigInt(a) * A + BigInt(b) * B) & MASK).toString(16).padStart(64, "0");

const cases = [1, 2, 3, 4, 5, 7, 13].map((count) => {
  const values = Array.from({ length: count }, (_, i) => {
    const attributes =
      BigInt((i % 5) + 1) + (BigInt(i % 2) << 8n) + (210n << 9n) + (250n << 25n) + (550n << 41n);
    return [17848605, i * i * 7, word(i + 1, 3), word(i + 1, 5), 1023 * i + 77, attributes.toString(), 65535 - i];
  });
  const tree = StandardMerkleTree.of(values, TYPES);
  return { values, root: tree.root, tree: tree.dump().tree, proofs: values.map((_, i) => tree.getProof(i)) };
});
writeFileSync(new URL("openzeppelin.json", import.meta.url), JSON.stringify(cases, null, 1) + "\n");
