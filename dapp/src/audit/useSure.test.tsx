import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Verified } from "./node";
import { useSure } from "./useSure";

afterEach(cleanup);

const again = vi.fn();
afterEach(() => again.mockReset());

function reading(stands: Verified["stands"]): Verified {
  return { stands: vi.fn(stands) } as unknown as Verified;
}

function Shown({
  verified,
  answer = "page",
  differs = true,
}: {
  verified: Verified;
  answer?: string;
  differs?: boolean | null;
}) {
  return <p>{useSure(differs, answer, verified, again) ? "told" : "held back"}</p>;
}

test("a difference is told when the block that was read still stands", async () => {
  render(<Shown verified={reading(async () => true)} />);
  await screen.findByText("told");
  expect(again).not.toHaveBeenCalled();
});

test("a block that was replaced accuses nobody: the chain is read again", async () => {
  const { rerender } = render(<Shown verified={reading(async () => false)} />);
  await vi.waitFor(() => expect(again).toHaveBeenCalledTimes(1));
  screen.getByText("held back");
  rerender(<Shown verified={reading(async () => true)} />);
  await screen.findByText("told");
  expect(again).toHaveBeenCalledTimes(1);
});

test("a node whose block never stands does not keep the page from telling", async () => {
  const { rerender } = render(<Shown verified={reading(async () => false)} />);
  for (const times of [1, 2, 3]) {
    await vi.waitFor(() => expect(again).toHaveBeenCalledTimes(times));
    rerender(<Shown verified={reading(async () => false)} />);
  }
  await screen.findByText("told");
  expect(again).toHaveBeenCalledTimes(3);
});

test("what agreed meanwhile does not count against the next difference", async () => {
  const gone = () => reading(async () => false);
  const { rerender } = render(<Shown verified={gone()} />);
  for (const times of [1, 2, 3]) {
    await vi.waitFor(() => expect(again).toHaveBeenCalledTimes(times));
    // read anew, and nothing is compared before the service has answered anew
    const verified = gone();
    rerender(<Shown verified={verified} differs={null} answer={`page ${times}`} />);
    rerender(<Shown verified={verified} differs={false} answer={`page ${times}`} />);
    if (times < 3) rerender(<Shown verified={verified} answer={`later ${times}`} />);
  }
  const verified = gone();
  rerender(<Shown verified={verified} answer="much later" />);
  await vi.waitFor(() => expect(again).toHaveBeenCalledTimes(4));
  expect(verified.stands).toHaveBeenCalledTimes(1);
  screen.getByText("held back");
});

test("what is not compared yet is no agreement", async () => {
  const { rerender } = render(<Shown verified={reading(async () => false)} />);
  for (const times of [1, 2, 3]) {
    await vi.waitFor(() => expect(again).toHaveBeenCalledTimes(times));
    const verified = reading(async () => false);
    rerender(<Shown verified={verified} differs={null} />);
    rerender(<Shown verified={verified} answer={`page ${times}`} />);
  }
  await screen.findByText("told");
  expect(again).toHaveBeenCalledTimes(3);
});

test("another answer of the service is asked about anew", async () => {
  const verified = reading(async () => true);
  const { rerender } = render(<Shown verified={verified} />);
  await screen.findByText("told");
  rerender(<Shown verified={verified} answer="next page" />);
  await vi.waitFor(() => expect(verified.stands).toHaveBeenCalledTimes(2));
  await screen.findByText("told");
});

test("a node that does not answer now has said what it said", async () => {
  render(<Shown verified={reading(() => Promise.reject(new Error("silent")))} />);
  await screen.findByText("told");
});
