import { act, cleanup, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { useResource } from "./useResource";

afterEach(cleanup);

function Shown({ load }: { load: () => Promise<string> }) {
  const { data, error } = useResource(load, "key");
  return <p>{error ? "failed" : (data ?? "loading")}</p>;
}

test("what failed without a network is asked for again when there is one", async () => {
  const load = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error("no network"));
  load.mockResolvedValue("found");
  render(<Shown load={load} />);
  await screen.findByText("failed");
  // it listens a moment after it has shown the error
  await vi.waitFor(() => {
    window.dispatchEvent(new Event("online"));
    expect(load).toHaveBeenCalledTimes(2);
  });
  await screen.findByText("found");
});

test("what has come is not asked for again for that", async () => {
  const load = vi.fn<() => Promise<string>>().mockResolvedValue("found");
  render(<Shown load={load} />);
  await screen.findByText("found");
  window.dispatchEvent(new Event("online"));
  await screen.findByText("found");
  expect(load).toHaveBeenCalledTimes(1);
});

describe("while an answer is under way", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Each question is answered, or fails, so many milliseconds after it was asked. */
  function slow(milliseconds: number, answers: () => string): () => Promise<string> {
    return () =>
      new Promise((resolve, reject) =>
        setTimeout(() => {
          const found = answers();
          if (found === "failed") reject(new Error(found));
          else resolve(found);
        }, milliseconds),
      );
  }

  function Polled({ load }: { load: () => Promise<string> }) {
    const { data, error, reload, refresh } = useResource(load, "key", 5000);
    return (
      <>
        <p>
          {data ?? "loading"}
          {error && " failed"}
        </p>
        <button onClick={reload}>reload</button>
        <button onClick={refresh}>refresh</button>
      </>
    );
  }

  const shown = (): string => document.querySelector("p")?.textContent ?? "";
  /** In steps: what a timer leads to is drawn before the next one is due. */
  async function after(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 100) {
      await act(() => vi.advanceTimersByTimeAsync(100).then(() => undefined));
    }
  }
  const press = (name: string): Promise<void> =>
    act(() => screen.getByRole("button", { name }).click());

  test("it is taken, however much slower it is than the turns", async () => {
    let n = 0;
    const load = vi.fn(slow(12_000, () => `answer ${++n}`));
    render(<Polled load={load} />);
    await after(11_900);
    expect(shown()).toBe("loading");
    await after(200);
    expect(shown()).toBe("answer 1");
    expect(load).toHaveBeenCalledTimes(1);
    await after(15_000);
    expect(shown()).toBe("answer 2");
  });

  test("that it failed is shown, and stays until something is answered", async () => {
    let found = "failed";
    const load = vi.fn(slow(20_000, () => found));
    render(<Polled load={load} />);
    await after(20_100);
    expect(shown()).toBe("loading failed");
    await after(18_000);
    expect(load).toHaveBeenCalledTimes(2);
    expect(shown()).toBe("loading failed");
    found = "answer";
    await after(10_000);
    expect(shown()).toBe("answer");
  });

  test("what was asked for before a reload is not taken any more", async () => {
    let n = 0;
    const load = vi.fn(slow(3000, () => `answer ${++n}`));
    render(<Polled load={load} />);
    await after(2000);
    await press("reload");
    await after(1500);
    expect(shown()).toBe("loading");
    await after(2000);
    expect(shown()).toBe("answer 2");
  });

  test("news are asked for once more after it, and it is shown meanwhile", async () => {
    let n = 0;
    const load = vi.fn(slow(3000, () => `answer ${++n}`));
    render(<Polled load={load} />);
    for (let i = 0; i < 5; i++) {
      await after(500);
      await press("refresh");
    }
    expect(load).toHaveBeenCalledTimes(1);
    await after(600);
    expect(shown()).toBe("answer 1");
    expect(load).toHaveBeenCalledTimes(2);
    await after(3000);
    expect(shown()).toBe("answer 2");
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("of what failed too, and where nothing is under way they are asked for at once", async () => {
    let n = 0;
    const load = vi.fn(slow(3000, () => (++n === 1 ? "failed" : `answer ${n}`)));
    render(<Polled load={load} />);
    await after(1000);
    await press("refresh");
    await after(2100);
    expect(shown()).toBe("loading failed");
    await after(3000);
    expect(shown()).toBe("answer 2");
    await press("refresh");
    expect(load).toHaveBeenCalledTimes(3);
  });
});
