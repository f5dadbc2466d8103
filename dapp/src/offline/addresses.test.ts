import { expect, test } from "vitest";
import { routes, to } from "../routes";
import { APP_ADDRESSES } from "./addresses";

test("every screen opens without a network, with or without a query", () => {
  for (const route of Object.values(routes)) {
    const address = to(route, { spaceId: "0x1", leaseId: "0x2", number: 3 });
    expect(address).toMatch(APP_ADDRESSES);
    expect(`${address}?intent=0x1`).toMatch(APP_ADDRESSES);
  }
});

test.each(["/v1/config", "/docs", "/live", "/status", "/metrics", "/openapi.json", "/auditor"])(
  "%s is the service's",
  (address) => {
    expect(address).not.toMatch(APP_ADDRESSES);
  },
);
