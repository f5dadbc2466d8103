import { beforeEach, expect, test } from "vitest";
import { forgetLease, forgetOld, keepLease, keptLease } from "./kept";

const DRIVER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const lease = {
  id: "0x01",
  driver: DRIVER,
  window: { start: "2026-11-21T10:00:00Z", end: "2026-11-21T12:00:00Z" },
  grant: { state: "acknowledged" },
} as never;
const navigation = { address: "Elm Street 3", links: [], access: [] } as never;
const NOW = Date.parse("2026-11-21T10:30:00Z");

beforeEach(() => localStorage.clear());

test("the copy is for its driver, however the address is spelt, and for nobody else", () => {
  keepLease(lease, navigation, "+11:00", NOW);
  expect(keptLease("0x01", DRIVER.toLowerCase())?.address).toBe("Elm Street 3");
  expect(keptLease("0x01", "0x1111111111111111111111111111111111111111")).toBeNull();
  expect(keptLease("0x01", null)).toBeNull();
  expect(keptLease("0x02", DRIVER)).toBeNull();
});

test("it goes when the lease is over, or a day after its end by itself", () => {
  keepLease(lease, navigation, "+11:00", NOW);
  forgetLease("0x01");
  expect(keptLease("0x01", DRIVER)).toBeNull();
  keepLease(lease, navigation, "+11:00", NOW);
  localStorage.setItem("berth.lease.0x09", "broken");
  forgetOld(NOW);
  expect(Object.keys(localStorage)).toEqual(["berth.lease.0x01"]);
  forgetOld(NOW + 30 * 3_600_000);
  expect(localStorage.length).toBe(0);
});
