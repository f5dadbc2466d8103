import { cleanup, render } from "@testing-library/preact";
import { afterEach, describe, expect, test } from "vitest";
import { speak } from "../words";
import { date, dateTime, offsetOf, sameClock, time } from "../words/format";
import { When } from "./When";

afterEach(() => {
  cleanup();
  speak("en");
});

/** Midnight is between them at an offset that is nobody's, so that no reader lives there. */
const START = "2026-11-20T17:30:00Z";
const END = "2026-11-20T18:15:00Z";

/** What is read; days of the week are followed by a comma in some releases only. */
function shown(props: Parameters<typeof When>[0]): string {
  const { container } = render(<When {...props} />);
  return (container.textContent ?? "").replace(/^(\w{3}),/, "$1").replace(/ (\w{3}),/g, " $1");
}

describe("a moment", () => {
  test("is told by the clock of its place, which is named where it is another one", () => {
    expect(shown({ at: START, zone: "+06:15" })).toBe(
      "Fri 20 Nov 23:45 local time there, UTC+6:15",
    );
    expect(shown({ at: START, zone: "-04:15" })).toMatch(/13:15 local time there, UTC-4:15$/);
  });

  test("stands alone where the reader's clock shows the same", () => {
    const mine = offsetOf(START);
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    expect(sameClock(START, zone)).toBe(true);
    expect(shown({ at: START, zone })).not.toContain("local time");
    expect(offsetOf(START, zone)).toBe(mine);
    expect(shown({ at: START })).toBe(shown({ at: START, zone }));
  });

  test("keeps its instant for machines", () => {
    const { container } = render(<When at={START} until={END} zone="+06:15" />);
    const times = [...container.querySelectorAll("time")].map((one) => one.dateTime);
    expect(times).toEqual([START, END]);
  });

  test("is told in Chinese too", () => {
    speak("zh");
    expect(shown({ at: START, zone: "+06:15" })).toContain("23:45");
    expect(shown({ at: START, zone: "+06:15" })).toContain("当地时间，UTC+6:15");
  });
});

describe("a run of time", () => {
  test("names its day once", () => {
    expect(shown({ at: START, until: END, zone: "+01:00" })).toMatch(
      /^Fri 20 Nov 18:30 – 19:15(?: local time there, UTC\+1)?$/,
    );
  });

  test("names both days where it is midnight between them, there and not here", () => {
    expect(shown({ at: START, until: END, zone: "+06:15" })).toMatch(
      /^Fri 20 Nov 23:45 – Sat 21 Nov 00:30 local/,
    );
  });
});

describe("the helpers", () => {
  test("take an offset and a zone's name alike", () => {
    expect(time(START, "+05:45")).toBe("23:15");
    expect(time(START, "Asia/Kathmandu")).toBe("23:15");
    expect(time(START, "UTC")).toBe("17:30");
    expect(date(END, "+05:45")).toMatch(/^Sat,? 21 Nov$/);
    expect(dateTime(END, "+05:45")).toMatch(/^21 Nov 2026,? (?:at )?00:00$/);
  });

  test("count midnight as 00, never as 24", () => {
    expect(time("2026-11-20T00:00:00Z", "UTC")).toBe("00:00");
    expect(dateTime("2026-11-20T00:05:00Z", "UTC")).toMatch(/00:05$/);
  });

  test("follow the zone through its summer time", () => {
    expect(offsetOf("2026-07-01T12:00:00Z", "Europe/Berlin")).toBe("UTC+2");
    expect(offsetOf("2026-12-01T12:00:00Z", "Europe/Berlin")).toBe("UTC+1");
    expect(offsetOf("2026-12-01T12:00:00Z", "UTC")).toBe("UTC");
    expect(time("2026-07-01T12:00:00Z", "Europe/Berlin")).toBe("14:00");
  });
});
