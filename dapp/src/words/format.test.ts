import { describe, expect, it } from "vitest";
import { cents, money } from "./format";

const EUR = { symbol: "tEUR", decimals: 6 };

describe("money to the cent", () => {
  it("is rounded, half of one up, and has two digits", () => {
    const told: [bigint, string][] = [
      [533_333n, "0.53"],
      [1_204_995_000n, "1,205.00"],
      [4_999n, "0.00"],
      [5_000n, "0.01"],
      [-266_667n, "-0.27"],
      [12_340_000n, "12.34"],
    ];
    for (const [minor, text] of told) expect(cents(minor, EUR)).toBe(`${text}\u00a0tEUR`);
  });

  it("stays as it is where there is nothing smaller than a cent", () => {
    expect(cents(1234n, { symbol: "EUR", decimals: 2 })).toBe("12.34\u00a0EUR");
    expect(cents(1234n, { symbol: "JPY", decimals: 0 })).toBe("1,234\u00a0JPY");
  });

  it("is told to the last digit elsewhere", () => {
    expect(money(533_333n, EUR)).toBe("0.533333\u00a0tEUR");
  });
});
