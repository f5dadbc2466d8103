import { useId } from "preact/hooks";

/** n of m, as a bar and in words; a screen reader hears each step. */
export function Progress({ n, of, label }: { n: number; of: number; label: string }) {
  const id = useId();
  return (
    <div class="progress">
      <progress value={Math.min(n, of)} max={Math.max(of, 1)} aria-labelledby={id} />
      <span id={id} role="status">
        {label}
      </span>
    </div>
  );
}
