import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { around, keepFocus } from "./focus";

/**
 * A button whose work may take a while: it cannot be pressed twice meanwhile. It keeps the focus
 * then, and a sheet that its work opens and closes gives it back: no attribute `disabled`. Where its
 * work takes the button away, the focus stays at the place where it was.
 */
export function Button({
  onPress,
  children,
  kind = "",
  disabled = false,
  busy,
  type = "button",
}: {
  onPress?: () => unknown;
  children: ComponentChildren;
  /** "main", "wide", "plain", "bad", or several of them. */
  kind?: string;
  disabled?: boolean;
  /** What it says while it works. */
  busy?: string;
  type?: "button" | "submit";
}) {
  const [working, setWorking] = useState(false);
  const idle = disabled || working;
  async function press(event: MouseEvent): Promise<void> {
    // nor does it send its form
    if (idle) event.preventDefault();
    if (idle || !onPress) return;
    const places = around(event.currentTarget as HTMLElement);
    setWorking(true);
    try {
      await onPress();
    } finally {
      setWorking(false);
      requestAnimationFrame(() => keepFocus(places));
    }
  }
  return (
    <button
      type={type}
      class={`button ${kind}`}
      aria-disabled={idle}
      aria-busy={working}
      onClick={(event) => void press(event)}
    >
      {working && busy ? busy : children}
    </button>
  );
}
