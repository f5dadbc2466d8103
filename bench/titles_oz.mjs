// OpenZeppelin's own tree over the same values, for bench/titles.py.
// In: a JSON file {values, prove, runs}. Out: one JSON line {seconds: [...], root, proofs}.
import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const TYPES = ["uint32", "uint32", "bytes32", "bytes32", "uint32", "uint64", "uint16"];
const { values, prove, runs } = JSON.parse(readFileSync(process.argv[2], "utf8"));

StandardMerkleTree.of(values.slice(0, 2000), TYPES); // the compiler has seen the code once
const seconds = [];
let tree;
for (let run = 0; run < runs; run++) {
  tree = undefined;
  const start = performance.now();
  tree = StandardMerkleTree.of(values, TYPES);
  seconds.push((performance.now() - start) / 1000);
}
const proofs = prove.map((index) => tree.getProof(index));
process.stdout.write(JSON.stringify({ seconds, root: tree.root, proofs, node: process.version }) + "\n");
