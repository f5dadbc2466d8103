import { useState } from "preact/hooks";
import { words } from "../words";
import { Button } from "./Button";

/** Copies a text; says so, and where the browser will not, marks the text for copying by hand. */
export function Copy({
  text,
  children,
  kind = "",
}: {
  text: string;
  children?: string;
  kind?: string;
}) {
  const [done, setDone] = useState<boolean | null>(null);
  const w = words.value.common;
  async function copy(): Promise<void> {
    setDone(await toClipboard(text));
    setTimeout(() => setDone((old) => (old ? null : old)), 3000);
  }
  return (
    <>
      <Button kind={kind} onPress={copy}>
        {done ? `✓ ${w.copied}` : (children ?? w.copy)}
      </Button>
      <span class="quiet" role="status">
        {done ? w.copied : ""}
      </span>
      {done === false && <input readOnly value={text} aria-label={w.copy} onFocus={selectAll} />}
    </>
  );
}

function selectAll(event: FocusEvent): void {
  (event.target as HTMLInputElement).select();
}

async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // pages without TLS on another machine have no clipboard
    return false;
  }
}
