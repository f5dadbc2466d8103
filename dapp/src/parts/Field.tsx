import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A labelled input with its hint and what is wrong with it, tied together for screen readers. */
export function Field({
  label,
  hint,
  wrong,
  children,
}: {
  label: string;
  hint?: string | undefined;
  wrong?: string | null | undefined;
  /** Gets the attributes that belong on the input. */
  children: (input: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean;
  }) => ComponentChildren;
}) {
  const id = useId();
  const told = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": told || undefined, "aria-invalid": Boolean(wrong) })}
      {hint && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {wrong && (
        <span class="wrong" id={`${id}-wrong`} role="alert">
          {wrong}
        </span>
      )}
    </div>
  );
}
