// Equal conditions: the node, the blocks and the database are the benchmark's, given by environment.
import { readFileSync } from "node:fs";
import { createConfig } from "ponder";
import { type Abi, http } from "viem";

const needed = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: bench/indexer.py starts this`);
  return value;
};

const abi = (name: string): Abi =>
  JSON.parse(readFileSync(`../../backend/berth/chain/abi/${name}.json`, "utf8")).abi;

const deployment = JSON.parse(readFileSync(needed("BENCH_DEPLOYMENT"), "utf8"));
const range = { startBlock: deployment.block, endBlock: Number(needed("BENCH_END_BLOCK")) };
const url = process.env.BENCH_DATABASE_URL;

export default createConfig({
  database: url
    ? { kind: "postgres", connectionString: url }
    : { kind: "pglite", directory: needed("BENCH_PGLITE") },
  networks: {
    local: {
      chainId: deployment.chainId,
      transport: http(needed("BENCH_RPC_URL")),
      // its default of 50 is for public nodes
      maxRequestsPerSecond: 100_000,
    },
  },
  contracts: {
    Titles: {
      abi: abi("TitleRegistry"),
      network: "local",
      address: deployment.titles,
      ...range,
    },
    Market: {
      abi: abi("ParkingMarket"),
      network: "local",
      address: deployment.market,
      ...range,
    },
  },
});
