import { describe, expect, it } from "vitest";
import { amountOf } from "./amount";

describe("an amount to withdraw", () => {
  it("is at most what is available, to the last minor unit", () => {
    expect(amountOf("12.5", 6, 12_500_000n)).toEqual({ amount: 12_500_000n, wrong: null });
    expect(amountOf("12.500001", 6, 12_500_000n)).toEqual({ amount: null, wrong: "most" });
    expect(amountOf("0.000001", 6, 12_500_000n)).toEqual({ amount: 1n, wrong: null });
  });

  it("is an amount above nothing", () => {
    for (const text of ["", "0", "all", "-1", "0.0000001"]) {
      expect(amountOf(text, 6, 1n)).toEqual({ amount: null, wrong: "amount" });
    }
  });
});
