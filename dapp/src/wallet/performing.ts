/** Carrying a call out: signed for the operator's forwarder where it pays, else sent by the wallet. */
import { now } from "../api/clock";
import { prepareCall, submitRequest, type ForwardRequest } from "../api/intents";
import { ApiError } from "../api/problem";
import { errors as en } from "../words/errors.en";
import { errors as zh } from "../words/errors.zh";
import { checkForward, checkPermit, checkTyped, type Expected, type Place } from "./compare";
import { Refused, WalletError } from "./errors";
import { guarded, holds, put } from "./running";
import { chainSettings, settings } from "./settings";
import { ensureChain } from "./switching";
import { asking } from "./state";
import {
  spaceOfLease,
  type Account,
  type Call,
  type Deed,
  type Hex,
  type Permit,
  type Provider,
  type TypedData,
} from "./types";

/** 65 bytes in hex. */
const PLAIN = 132;

export interface Options {
  /** The permit that the server prepared, and the amount that the screen has told. */
  permit?: { typedData: unknown; amount: bigint };
}

export async function perform(
  mine: Account,
  wanted: Call | ((permit: Permit) => Call),
  { permit }: Options,
): Promise<string> {
  return guarded(mine, async (still) => {
    await ready(mine);
    still();
    const call =
      typeof wanted === "function" ? wanted(await signPermit(mine, permit, still)) : wanted;
    const prepared = await prepareCall(call.to, call.data);
    still();
    if (prepared.refusal) {
      const { code, sentence, detail } = prepared.refusal;
      const both = { en: en[code] ?? "", zh: zh[code] ?? "" };
      throw new Refused(code, both.en && both.zh ? both : sentence, detail);
    }
    return prepared.sponsored && prepared.typedData
      ? relay(mine, call, prepared.typedData, prepared.gas, still)
      : send(mine, call, prepared.gas, still);
  });
}

/** One signature; the operator sends it and pays. */
async function relay(
  mine: Account,
  call: Call,
  typedData: unknown,
  gas: number | null,
  still: () => void,
): Promise<string> {
  const forward = checkForward(typedData, call, mine.address, await place(mine));
  const what: Deed = { verb: call.verb, ...call.about, shownAs: "ForwardRequest" };
  const signature = await signature712(mine, "sign", forward.typedData, what);
  still();
  // the forwarder knows plain keys only: an account with code sends its transaction itself
  if (signature.length !== PLAIN) return send(mine, call, gas, still);
  return handIn(forward.request, signature, still);
}

/** Before what is signed is handed in once more, milliseconds. */
const PAUSES = [500, 1500, 4000];

/** Hands in what is signed; again where nobody answered, for it may have arrived all the same, and
 * the service takes one request once. */
async function handIn(request: ForwardRequest, signature: Hex, still: () => void): Promise<string> {
  for (const pause of PAUSES) {
    try {
      return (await submitRequest(request, signature)).id;
    } catch (error) {
      if (!(error instanceof ApiError && unanswered(error))) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    still();
  }
  return (await submitRequest(request, signature)).id;
}

/** By the service, or by a proxy before it that did not reach it. */
function unanswered(error: ApiError): boolean {
  return error.offline || error.status === 502 || error.status === 504;
}

/** The wallet sends it and its account pays the network's fee. */
async function send(
  mine: Account,
  call: Call,
  gas: number | null,
  still: () => void,
): Promise<string> {
  const { provider } = mine.choice;
  await checkFee(provider, mine.address, gas);
  await ensureChain(provider, chainSettings());
  still();
  const transaction = {
    from: mine.address,
    to: call.to,
    data: call.data,
    value: "0x0",
    chainId: `0x${chainSettings().id.toString(16)}`,
  };
  const hash = await put<unknown>(
    provider,
    "send",
    { method: "eth_sendTransaction", params: [transaction] },
    { verb: call.verb, ...call.about, shownAs: null },
  );
  if (typeof hash !== "string" || !/^0x[0-9a-f]{64}$/i.test(hash)) {
    throw new WalletError("unknown", String(hash).slice(0, 80));
  }
  return hash.toLowerCase();
}

/** Says before the wallet is asked that the fee cannot be paid. What cannot be told is not guessed. */
async function checkFee(provider: Provider, address: string, gas: number | null): Promise<void> {
  if (!gas) return;
  let balance: bigint, price: bigint;
  try {
    const params = [address, "latest"];
    balance = BigInt((await provider.request({ method: "eth_getBalance", params })) as string);
    price = BigInt((await provider.request({ method: "eth_gasPrice" })) as string);
  } catch {
    return;
  }
  if (balance < BigInt(gas) * price) throw new WalletError("funds");
}

async function signPermit(
  mine: Account,
  permit: Options["permit"],
  still: () => void,
): Promise<Permit> {
  if (!permit) throw new WalletError("tampered", "permit");
  const checked = checkPermit(permit.typedData, permit.amount, mine.address, await place(mine));
  const what: Deed = { verb: "permit", amount: permit.amount, shownAs: "Permit" };
  const signature = await signature712(mine, "permit", checked.typedData, what);
  still();
  return { amount: permit.amount, deadline: checked.deadline, ...split(signature) };
}

/** A message for the market, of a kind that people sign, with the fields that the screen knows. */
export async function signTyped(
  mine: Account,
  typedData: unknown,
  expected: Expected,
): Promise<Hex> {
  return guarded(mine, async (still) => {
    await ready(mine);
    const checked = checkTyped(typedData, expected, await place(mine));
    still();
    return signature712(mine, "sign", checked, deedOf(checked));
  });
}

/** A message for the market, as people are told of it before they see it in the wallet. */
function deedOf({ primaryType, message }: TypedData): Deed | null {
  if (primaryType !== "UnlockConfirmation") return null;
  const space = spaceOfLease(BigInt(message["leaseId"] as bigint));
  return { verb: primaryType, space, shownAs: primaryType };
}

/** The wallet holds the account and is on the market's chain. */
async function ready(mine: Account): Promise<void> {
  const { provider } = mine.choice;
  await holds(provider, mine.address);
  asking.value = "chain";
  try {
    await ensureChain(provider, chainSettings());
  } finally {
    asking.value = null;
  }
}

async function signature712(
  mine: Account,
  question: "sign" | "permit",
  typedData: TypedData,
  what: Deed | null,
): Promise<Hex> {
  const text = JSON.stringify(typedData, (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  const request = { method: "eth_signTypedData_v4", params: [mine.address, text] };
  const found = await put<unknown>(mine.choice.provider, question, request, what);
  if (typeof found !== "string" || !/^0x(?:[0-9a-f]{2})+$/i.test(found)) {
    throw new WalletError("unknown", String(found).slice(0, 80));
  }
  return found as Hex;
}

function split(signature: Hex): Pick<Permit, "v" | "r" | "s"> {
  // a permit is checked by the token with ecrecover: only a plain key's 65 bytes will do
  if (signature.length !== PLAIN) throw new WalletError("unsupported", "permit");
  const v = BigInt(`0x${signature.slice(130)}`);
  return {
    r: `0x${signature.slice(2, 66)}`,
    s: `0x${signature.slice(66, 130)}`,
    v: v < 27n ? v + 27n : v,
  };
}

/** Where a signature counts, and what time it is there: a local chain's clock may have run on since
 * the service told its time. */
async function place(mine: Account): Promise<Place> {
  const { chain, contracts } = settings();
  let moment = now() / 1000;
  if (chainSettings().local) {
    const block = (await mine.choice.provider
      .request({ method: "eth_getBlockByNumber", params: ["latest", false] })
      .catch(() => null)) as { timestamp?: string } | null;
    moment = Math.max(moment, Number(block?.timestamp ?? 0) || 0);
  }
  return {
    chainId: chain.id,
    market: contracts.market,
    forwarder: contracts.forwarder,
    asset: contracts.asset,
    now: moment,
  };
}
