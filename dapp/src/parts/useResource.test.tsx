import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
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
