/** Any error as what happened and what to do, in the reader's language. */
import { ApiError } from "../api/problem";
import { language, words } from "../words";
import { errors as en } from "../words/errors.en";
import { errors as zh } from "../words/errors.zh";
import { Dismissed, readWalletError, Refused, WalletError } from "./errors";

export interface Explained {
  title: string;
  text: string;
  /** Would the same again, unchanged, have a chance? */
  retry: boolean;
}

export function explain(error: unknown): Explained {
  const w = words.value.wallet;
  if (error instanceof ApiError) return ofService(error);
  if (error instanceof Dismissed) return { ...w.problems.dismissed, retry: true };
  const read = error instanceof Refused ? error : looksLikeWallet(error);
  if (read instanceof Refused) return ofContract(read);
  if (read instanceof WalletError) {
    const retry = read.problem !== "tampered" && read.problem !== "unsupported";
    const { title, text } = w.problems[read.problem];
    const detail = read.problem === "unknown" || read.problem === "tampered" ? read.detail : "";
    return { title, text: detail ? `${text} (${detail})` : text, retry };
  }
  return { ...w.problems.broken, retry: true };
}

/** Errors of our own code are no wallet's: they have no code and no wallet's words. */
function looksLikeWallet(error: unknown): Refused | WalletError | null {
  if (error instanceof WalletError) return error;
  if (typeof error !== "object" || error === null) return null;
  const read = readWalletError(error);
  if (read instanceof Dismissed) return null;
  return read instanceof WalletError && read.problem === "unknown" && !("code" in error)
    ? null
    : read;
}

function ofContract(refused: Refused): Explained {
  const w = words.value.wallet;
  const said =
    typeof refused.sentence === "string" ? refused.sentence : refused.sentence[language.value];
  return { title: w.problems.refused.title, text: said || w.problems.refused.text, retry: false };
}

/** What the contracts refuse with, by name, in each language. */
const REFUSALS: Readonly<Record<"en" | "zh", Readonly<Record<string, string>>>> = { en, zh };

/** What a contract's refusal means, by its name, in the language that is read now. */
export function refusalOf(name: string): string | undefined {
  return REFUSALS[language.value][name];
}

/** Codes whose sentence is ours; of the others the service's own detail is shown. */
function ofService(error: ApiError): Explained {
  const { service } = words.value.wallet;
  const later = error.status === 0 || error.status === 429 || error.status >= 500;
  const known =
    (service.codes as Readonly<Record<string, string>>)[error.code] ??
    refusalOf(error.code.replace(/^chain\./, ""));
  if (error.offline) return { ...service.offline, retry: true };
  if (error.code === "session.required") return { ...service.signedOut, retry: true };
  if (error.code.startsWith("session.")) {
    return { title: service.signIn.title, text: known ?? service.signIn.text, retry: true };
  }
  if (known) {
    const retry = later || error.code.startsWith("intent.");
    return { title: service.refused, text: known, retry };
  }
  if (error.status === 429) return { ...service.busy, retry: true };
  if (error.status >= 500) return { ...service.away, retry: true };
  // what the contract was asked, in brackets behind the sentence, is for programmers
  const text = error.message.replace(/\s*\((?:Berth|ERC)\w+\(.*\)\)$/s, "");
  return { title: service.refused, text: text || service.unknown, retry: false };
}
