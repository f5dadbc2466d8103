import { useEffect, useRef } from "preact/hooks";
import { config } from "../config";
import { account, asking, deed } from "../wallet/state";
import type { Deed } from "../wallet/types";
import { words } from "../words";
import { money } from "../words/format";

/** The field of a wallet's window that needs a word, by what the wallet calls the whole. */
const FIELDS = { ForwardRequest: "data", Permit: "value", UnlockConfirmation: "leaseId" } as const;

/**
 * "Look into your wallet", with what it asks there. Keep it on the screen while something runs: it
 * shows itself when a wallet is asked, and a screen reader hears it.
 */
export function Asking({ guest = account.value?.choice.kind === "guest" }: { guest?: boolean }) {
  const w = words.value.wallet.asking;
  const question = asking.value;
  const place = useRef<HTMLDivElement>(null);
  // the button that led here may stand far from it, at the foot of a phone's screen
  useEffect(() => {
    if (question) place.current?.scrollIntoView({ block: "center" });
  }, [question]);
  return (
    <div
      ref={place}
      class="asking"
      role="status"
      aria-live="polite"
      data-where="asking"
      data-state={question ?? undefined}
    >
      {question && guest && <p>{w.guest}</p>}
      {question && !guest && (
        <>
          <strong>{w.title}</strong>
          <p>{w[question]}</p>
          {deed.value && <Wanted deed={deed.value} />}
          <p class="soft">{w.hidden}</p>
        </>
      )}
    </div>
  );
}

/** The deed in words beside the wallet's window, which shows most of it as a code. */
function Wanted({ deed: { verb, space, most, amount, shownAs } }: { deed: Deed }) {
  const w = words.value.wallet.asking;
  const sum = (minor: bigint): string => (config.value ? money(minor, config.value.currency) : "");
  return (
    <>
      <dl class="facts">
        <dt>{w.deed}</dt>
        <dd>{(w.deeds as Readonly<Record<string, string>>)[verb]}</dd>
        {space !== undefined && (
          <>
            <dt>{w.space}</dt>
            <dd class="number">{(space & 0xffffffffn).toString()}</dd>
          </>
        )}
        {most !== undefined && (
          <>
            <dt>{w.most}</dt>
            <dd class="number">{sum(most)}</dd>
          </>
        )}
        {amount !== undefined && (
          <>
            <dt>{w.amount}</dt>
            <dd class="number">{sum(amount)}</dd>
          </>
        )}
      </dl>
      {shownAs && <p>{w.shownAs[shownAs](shownAs, FIELDS[shownAs])}</p>}
    </>
  );
}
