import { afterEach, describe, expect, it } from "vitest";
import { language } from "./index";
import { headed, listed, noted, rowed, sentences } from "./join";

afterEach(() => {
  language.value = "en";
});

describe("texts after one another", () => {
  it("have the spaces and marks of English", () => {
    language.value = "en";
    expect(sentences("It is free.", "You pay nothing.")).toBe("It is free. You pay nothing.");
    expect(listed(["Type 2", "CCS 2"])).toBe("Type 2, CCS 2");
    expect(rowed(["Mon 08:00–09:00", "Tue 10:00–11:00"])).toBe("Mon 08:00–09:00; Tue 10:00–11:00");
    expect(headed("Offer 1", "2.00 an hour")).toBe("Offer 1: 2.00 an hour");
    expect(noted("Stay 1 h", "2 spaces")).toBe("Stay 1 h (2 spaces)");
  });

  it("have those of Chinese, which sets no spaces", () => {
    language.value = "zh";
    expect(sentences("免费。", "不收费。")).toBe("免费。不收费。");
    expect(listed(["Type 2", "CCS 2"])).toBe("Type 2、CCS 2");
    expect(rowed(["周一 08:00–09:00", "周二 10:00–11:00"])).toBe(
      "周一 08:00–09:00；周二 10:00–11:00",
    );
    expect(headed("报价 1", "每小时 2.00")).toBe("报价 1：每小时 2.00");
    expect(noted("停 1 小时", "2 个车位")).toBe("停 1 小时（2 个车位）");
  });

  it("leave no gap for what is not said", () => {
    for (const spoken of ["en", "zh"] as const) {
      language.value = spoken;
      expect(sentences(false, "a", null, undefined, "")).toBe("a");
      expect(listed([null, "a", false])).toBe("a");
      expect(sentences(false)).toBe("");
    }
  });
});
