/** What a contract says when it refuses: the bytes of its error as a name and two sentences. */
import { decodeErrorResult, type Hex } from "viem";
import { Refused } from "../wallet/errors";
import { errors as en } from "../words/errors.en";
import { errors as zh } from "../words/errors.zh";
import { refusals } from "./abi/errors";

/** The refusal in a revert's bytes; null for bytes that are none of our contracts' errors. */
export function refusedBy(data: Hex): Refused | null {
  try {
    const { errorName, args } = decodeErrorResult({ abi: refusals, data });
    const figures = ((args ?? []) as readonly unknown[]).map(String).join(", ");
    return new Refused(
      errorName,
      { en: en[errorName] ?? "", zh: zh[errorName] ?? "" },
      `${errorName}(${figures})`,
    );
  } catch {
    return null;
  }
}
