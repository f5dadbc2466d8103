import { describe, expect, it } from "vitest";
import { ApiError } from "../api/problem";
import { refusedFields } from "./filter";

function refused(code: string, ...fields: string[]): ApiError {
  const errors = fields.map((field) => ({ field, pointer: `/${field}`, detail: `${field}: no` }));
  return new ApiError({ status: 422, code, detail: "no", errors });
}

describe("a filter that is refused", () => {
  it("names the fields of the form, not the API's", () => {
    expect(refusedFields(refused("address.invalid", "driver"))).toEqual({ party: "shape" });
    expect(refusedFields(refused("address.checksum", "owner"))).toEqual({ party: "checksum" });
    expect(refusedFields(refused("request.invalid", "space", "from"))).toEqual({
      space: "shape",
      from: "shape",
    });
  });

  it("is not what another failure is", () => {
    expect(refusedFields(refused("cursor.invalid", "cursor"))).toEqual({});
    expect(refusedFields(new Error("no network"))).toEqual({});
    expect(refusedFields(undefined)).toEqual({});
  });
});
