import { expect, test } from "vitest";
import { eraseStorage } from "./erase";

test("what is ours goes, what another app keeps stays", () => {
  localStorage.setItem("berth.guest", "secret");
  localStorage.setItem("berth.language", "zh");
  localStorage.setItem("other", "kept");
  eraseStorage(localStorage);
  expect(Object.keys(localStorage)).toEqual(["other"]);
  localStorage.clear();
});
