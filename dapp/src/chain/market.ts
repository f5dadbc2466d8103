/** Calls of the market, encoded here: what a server prepares is compared, never signed blindly. */
import { encodeFunctionData, type ContractFunctionArgs, type ContractFunctionName } from "viem";
import { settings } from "../wallet/settings";
import { WalletError } from "../wallet/errors";
import {
  spaceOfLease,
  spaceOfTitle,
  type About,
  type Address,
  type Call,
  type Hex,
} from "../wallet/types";
import type { wallet as en } from "../words/en/wallet";
import { marketVerbs } from "./abi/verbs";
import { tokenAbi } from "./abi/token";

/** Only what there are words for is signed: the wallet itself shows a code. */
export type Verb = Extract<
  ContractFunctionName<typeof marketVerbs, "nonpayable">,
  keyof typeof en.asking.deeds
>;
export type Args<V extends Verb> = ContractFunctionArgs<typeof marketVerbs, "nonpayable", V>;

/** A call of the market: `encode("cancel", [leaseId])`. */
export function encode<V extends Verb>(verb: V, args: Args<V>): Call {
  return {
    verb,
    to: settings().contracts.market as Address,
    // the type of the arguments is held by ours; viem's own is too deep for a free verb
    data: encodeFunctionData({ abi: marketVerbs, functionName: verb, args } as never),
    about: aboutOf(verb, args as readonly unknown[]),
  };
}

/** Of the very arguments that were encoded: the space, and what it may cost or what is paid. */
function aboutOf(verb: Verb, args: readonly unknown[]): About {
  const [first, second] = args;
  switch (verb) {
    case "lease":
    case "leaseWithVehicle":
    case "leaseWithPermit": {
      const { spaceId, maxCost } = first as { spaceId: bigint; maxCost: bigint };
      return { space: spaceId, most: maxCost };
    }
    case "cancel":
    case "ownerCancel":
    case "close":
    case "unblock":
      return { space: spaceOfLease(first as bigint) };
    case "publishOffer":
    case "withdrawOffers":
    case "blockSlots":
      return { space: first as bigint };
    case "withdraw":
      return { amount: second as bigint };
    case "depositWithPermit":
      return { amount: first as bigint };
    case "registerSpace": {
      const { city, index } = (first as { title: { city: bigint; index: bigint } }).title;
      return { space: spaceOfTitle(city, index) };
    }
    case "setAutoPayout":
      return {};
  }
}

/** Lets the market take `amount` minor units of the signer's tokens. */
export function approve(amount: bigint): Call {
  const { asset, market } = settings().contracts;
  return {
    verb: "approve",
    to: asset as Address,
    data: encodeFunctionData({
      abi: tokenAbi,
      functionName: "approve",
      args: [market as Address, amount],
    }),
    about: { amount },
  };
}

export interface Prepared {
  to: string;
  data: string;
  chainId?: number;
  value?: string;
}

/** Throws WalletError "tampered" when the server's transaction is not exactly this call. */
export function sameCall(call: Call, prepared: Prepared): void {
  const differs =
    prepared.to.toLowerCase() !== call.to.toLowerCase()
      ? "to"
      : (prepared.data as Hex).toLowerCase() !== call.data.toLowerCase()
        ? "data"
        : prepared.chainId !== undefined && prepared.chainId !== settings().chain.id
          ? "chainId"
          : BigInt(prepared.value ?? "0x0") !== 0n
            ? "value"
            : null;
  if (differs) throw new WalletError("tampered", differs);
}
