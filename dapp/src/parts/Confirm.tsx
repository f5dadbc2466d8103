import type { ComponentChildren } from "preact";
import { words } from "../words";
import { Button } from "./Button";
import { Sheet } from "./Sheet";

/** Asks once more before something that cannot be taken back. */
export function Confirm({
  title,
  yes,
  no,
  onYes,
  onNo,
  children,
}: {
  title: string;
  yes: string;
  no?: string;
  onYes: () => unknown;
  onNo: () => void;
  children?: ComponentChildren;
}) {
  return (
    <Sheet title={title} onClose={onNo}>
      <div class="stack">
        {children}
        <Button kind="wide" onPress={onNo}>
          {no ?? words.value.common.cancel}
        </Button>
        <Button kind="bad wide" onPress={onYes}>
          {yes}
        </Button>
      </div>
    </Sheet>
  );
}
