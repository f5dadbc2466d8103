import { parseMoney } from "../../words/format";

/** What somebody wants to withdraw, or why that is impossible. */
export function amountOf(
  text: string,
  decimals: number,
  credit: bigint,
): { amount: bigint; wrong: null } | { amount: null; wrong: "amount" | "most" } {
  const amount = parseMoney(text, decimals);
  if (amount === null || amount === 0n) return { amount: null, wrong: "amount" };
  if (amount > credit) return { amount: null, wrong: "most" };
  return { amount, wrong: null };
}
