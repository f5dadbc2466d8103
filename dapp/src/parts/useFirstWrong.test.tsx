import { cleanup, fireEvent, render } from "@testing-library/preact";
import { useState } from "preact/hooks";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Field } from "./Field";
import { useFirstWrong } from "./useFirstWrong";

function Form() {
  const [form, look] = useFirstWrong<HTMLDivElement>();
  const [wrong, setWrong] = useState<string[]>([]);
  return (
    <div ref={form}>
      {["a", "b", "c"].map((name) => (
        <Field key={name} label={name} wrong={wrong.includes(name) ? "bad" : null}>
          {(input) => <input {...input} name={name} />}
        </Field>
      ))}
      {[[], ["b", "c"], ["c"]].map((found) => (
        <button
          key={found.join("")}
          id={`wrong-${found.join("")}`}
          onClick={() => {
            setWrong(found);
            look();
          }}
        />
      ))}
    </div>
  );
}

const seen = vi.fn();
beforeEach(() => {
  HTMLElement.prototype.scrollIntoView = seen;
  render(<Form />);
});
afterEach(() => {
  cleanup();
  seen.mockClear();
});

function press(id: string): void {
  const button = document.getElementById(id);
  if (button) fireEvent.click(button);
}

test("the first field that is wrong has the focus, after each try anew", () => {
  press("wrong-bc");
  expect(document.activeElement?.getAttribute("name")).toBe("b");
  press("wrong-c");
  expect(document.activeElement?.getAttribute("name")).toBe("c");
  press("wrong-c");
  expect(seen).toHaveBeenCalledTimes(3);
});

test("where nothing is wrong nothing moves", () => {
  press("wrong-");
  expect(document.activeElement).toBe(document.body);
  expect(seen).not.toHaveBeenCalled();
});
