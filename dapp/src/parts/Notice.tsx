import type { ComponentChildren } from "preact";

export type Tone = "info" | "good" | "warn" | "bad";
const SIGNS: Record<Tone, string> = { info: "ℹ", good: "✓", warn: "!", bad: "✗" };

/** Something to be told, by sign, colour and words. What is urgent interrupts a screen reader. */
export function Notice({
  tone = "info",
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children?: ComponentChildren;
}) {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <span class="sign" aria-hidden="true">
        {SIGNS[tone]}
      </span>
      <div>
        {title && <strong>{title}</strong>}
        {children}
      </div>
    </div>
  );
}
