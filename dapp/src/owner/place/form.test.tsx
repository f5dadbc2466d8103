import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { locate } from "../../driver/locate";
import type { LngLat } from "../../driver/wish";
import { PlaceForm } from "./PlaceForm";

vi.mock("../../driver/locate", async (original) => ({
  ...(await original<typeof import("../../driver/locate")>()),
  locate: vi.fn(),
}));

afterEach(cleanup);

const field = (label: RegExp): HTMLInputElement => screen.getByLabelText(label);

test("what is typed while the position is looked for stays when it comes", async () => {
  let come: (found: LngLat) => void = () => undefined;
  vi.mocked(locate).mockReturnValue(new Promise((resolve) => (come = resolve)));
  render(
    <PlaceForm
      spaceId="0x0365924fffffffff"
      kept={null}
      onSaved={() => undefined}
      onClose={() => undefined}
    />,
  );
  fireEvent.input(field(/^Address/), { target: { value: "12 Example Street" } });
  fireEvent.click(screen.getByRole("button", { name: /I am at the space/ }));
  fireEvent.input(field(/^How the gate/), { target: { value: "4711" } });
  come([144.9631, -37.8136]);
  await waitFor(() => expect(field(/^Exact place/).value).toMatch(/-37\.8136/));
  expect(field(/^How the gate/).value).toBe("4711");
  expect(field(/^Address/).value).toBe("12 Example Street");
});
