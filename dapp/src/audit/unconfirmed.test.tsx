import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Unconfirmed } from "./Unconfirmed";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("a settlement that is not final says so, and is asked for again until it is", () => {
  const again = vi.fn();
  const { unmount } = render(<Unconfirmed again={again} />);
  screen.getByText("Very new: not final yet");
  expect(again).not.toHaveBeenCalled();
  vi.advanceTimersByTime(20_000);
  expect(again).toHaveBeenCalledTimes(2);
  unmount();
  vi.advanceTimersByTime(60_000);
  expect(again).toHaveBeenCalledTimes(2);
});

test("a page that nobody sees asks for nothing", () => {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  const again = vi.fn();
  render(<Unconfirmed again={again} />);
  vi.advanceTimersByTime(60_000);
  expect(again).not.toHaveBeenCalled();
});
