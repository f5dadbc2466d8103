import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

/** A button whose work may take a while: it cannot be pressed twice meanwhile. */
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
  async function press(): Promise<void> {
    if (working || !onPress) return;
    setWorking(true);
    try {
      await onPress();
    } finally {
      setWorking(false);
    }
  }
  return (
    <button
      type={type}
      class={`button ${kind}`}
      disabled={disabled || working}
      aria-busy={working}
      onClick={onPress && (() => void press())}
    >
      {working && busy ? busy : children}
    </button>
  );
}
