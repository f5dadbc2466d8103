/** The sign-in message (EIP-4361), made here for the page's own origin and the configured chain. */
import type { Address, Hex } from "./types";

export interface SignIn {
  /** EIP-55 checksummed. */
  address: Address;
  /** Where the page comes from, e.g. "https://berth.example". */
  origin: string;
  chainId: number;
  nonce: string;
  issuedAt: Date;
  expiresAt: Date;
}

/** The standard takes no other letters than ASCII here; the sheet says it in the reader's words. */
export const STATEMENT = "Sign in to Berth. This costs nothing and moves no money.";

export function signInMessage(wanted: SignIn): string {
  const { address, origin, chainId, nonce } = wanted;
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) throw new Error("siwe: no address");
  if (!/^[a-zA-Z0-9]{8,128}$/.test(nonce)) throw new Error("siwe: no nonce");
  if (!Number.isSafeInteger(chainId) || chainId <= 0) throw new Error("siwe: no chain");
  const { host, origin: uri } = new URL(origin);
  return [
    `${host} wants you to sign in with your Ethereum account:`,
    address,
    "",
    STATEMENT,
    "",
    `URI: ${uri}`,
    "Version: 1",
    `Chain ID: ${chainId}`,
    `Nonce: ${nonce}`,
    `Issued At: ${wanted.issuedAt.toISOString()}`,
    `Expiration Time: ${wanted.expiresAt.toISOString()}`,
  ].join("\n");
}

/** Text as `personal_sign` wants it. */
export function textHex(text: string): Hex {
  const bytes = new TextEncoder().encode(text);
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
