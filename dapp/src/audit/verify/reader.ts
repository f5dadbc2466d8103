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
  titles: Address;
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

  /** Every event of the market up to a block, in order; the range shrinks when a node refuses it. */
  async events(last: bigint, progress?: OnProgress): Promise<Event[]> {
    const found: Event[] = [];
    let from = 0n;
    let range = RANGE;
    while (from <= last) {
      const to = from + range - 1n < last ? from + range - 1n : last;
      try {
        const logs = await this.client.getLogs({
          address: this.where.market,
          fromBlock: from,
          toBlock: to,
        });
        for (const log of logs) {
          const { eventName, args } = decodeEventLog({
            abi: marketEvents,
            topics: log.topics,
            data: log.data,
          });
          found.push({
            name: eventName,
            args: args as unknown as Record<string, unknown>,
            block: log.blockNumber,
            transaction: log.transactionHash,
            index: log.logIndex,
          });
        }
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
}
