/** The chain through a node of the auditor's choice. Nothing here asks the service. */
import {
  createPublicClient,
  decodeEventLog,
  http,
  type Address,
  type Hex,
  type PublicClient,
} from "viem";
import { marketEvents } from "../../chain/abi/events";
import { marketReads } from "../../chain/abi/reads";
import { titlesAbi } from "../../chain/abi/titles";

export interface Event {
  name: string;
  args: Record<string, unknown>;
  block: bigint;
  transaction: Hex;
  index: number;
}

export interface Where {
  url: string;
  market: Address;
  chainId: number;
  genesisHash: string;
}

/** The node is of another chain, or holds no such market. */
export class WrongNodeError extends Error {
  constructor(
    readonly what: "chain" | "genesis" | "contract",
    readonly found: string,
    readonly wanted: string,
  ) {
    super(`${what} ${found}, not ${wanted}`);
    this.name = "WrongNodeError";
  }
}

/** Called with how much has been read, 0 to 1. */
export type OnProgress = (share: number) => void;

const RANGE = 20_000n;

export class Reader {
  readonly client: PublicClient;

  private constructor(readonly where: Where) {
    this.client = createPublicClient({
      transport: http(where.url, { retryCount: 2, timeout: 30_000 }),
    });
  }

  /** A reader over a node of the right chain. Throws WrongNodeError, or the node's own error. */
  static async open(where: Where): Promise<Reader> {
    const reader = new Reader(where);
    const [chainId, genesis, code] = await Promise.all([
      reader.client.getChainId(),
      reader.client.getBlock({ blockNumber: 0n }),
      reader.client.getCode({ address: where.market }),
    ]);
    if (chainId !== where.chainId)
      throw new WrongNodeError("chain", String(chainId), String(where.chainId));
    if (genesis.hash?.toLowerCase() !== where.genesisHash.toLowerCase())
      throw new WrongNodeError("genesis", genesis.hash ?? "", where.genesisHash);
    if (!code || code === "0x") throw new WrongNodeError("contract", "", where.market);
    return reader;
  }

  /** Every event of the market up to a block, in order. */
  async events(last: bigint, progress?: OnProgress): Promise<Event[]> {
    const address = this.where.market;
    const asked = async (fromBlock: bigint, toBlock: bigint): Promise<Event[]> =>
      (await this.client.getLogs({ address, fromBlock, toBlock })).map((log) => {
        const { topics, data } = log;
        const { eventName, args } = decodeEventLog({ abi: marketEvents, topics, data });
        return {
          name: eventName,
          args: args as unknown as Record<string, unknown>,
          block: log.blockNumber,
          transaction: log.transactionHash,
          index: log.logIndex,
        };
      });
    return inRanges(asked, last, progress);
  }

  /** The roots of a city's editions up to a block, in order, in the register that the market names. */
  async editions(city: bigint, last: bigint): Promise<Hex[]> {
    const address = await this.client.readContract({
      address: this.where.market,
      abi: marketReads,
      functionName: "titles",
    });
    const which = { address, abi: titlesAbi, eventName: "EditionPublished" } as const;
    const args = { city: Number(city) };
    const asked = async (fromBlock: bigint, toBlock: bigint): Promise<Hex[]> => {
      const filter = { ...which, args, strict: true, fromBlock, toBlock } as const;
      return (await this.client.getContractEvents(filter)).map((log) => log.args.root);
    };
    return inRanges(asked, last);
  }
}

/** All that is found from block 0 to another, in order; the range shrinks when a node refuses it. */
async function inRanges<T>(
  asked: (fromBlock: bigint, toBlock: bigint) => Promise<T[]>,
  last: bigint,
  progress?: OnProgress,
): Promise<T[]> {
  const found: T[] = [];
  let from = 0n;
  let range = RANGE;
  while (from <= last) {
    const to = from + range - 1n < last ? from + range - 1n : last;
    try {
      for (const one of await asked(from, to)) found.push(one);
    } catch (error) {
      if (range <= 1n) throw error;
      range = range / 4n || 1n;
      continue;
    }
    from = to + 1n;
    if (range < RANGE) range *= 2n;
    progress?.(Number(from) / Number(last + 1n));
  }
  return found;
}
