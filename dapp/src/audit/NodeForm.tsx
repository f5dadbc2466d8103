import { useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { Progress } from "../parts/Progress";
import { words } from "../words";
import {
  chosenMarket,
  chosenUrl,
  isAddress,
  isNodeUrl,
  marketAddress,
  nodeUrl,
  verifying,
  type Why,
} from "./node";

/** Which node to ask, which contract to believe, and how far the reading is. */
export function NodeForm({ onVerify }: { onVerify: () => Promise<unknown> }) {
  const w = words.value.audit.node;
  const [tried, setTried] = useState(false);
  const now = verifying.value;
  const badUrl = !isNodeUrl(chosenUrl());
  const badMarket = !isAddress(chosenMarket());
  async function start(): Promise<void> {
    setTried(true);
    // asked now: what was typed last may not be drawn yet
    if (isNodeUrl(chosenUrl()) && isAddress(chosenMarket())) await onVerify();
  }
  return (
    <section
      class="card stack"
      data-where="node"
      data-state={now.state}
      data-why={now.state === "failed" ? now.why.what : undefined}
    >
      <div>
        <h2>{w.title}</h2>
        <p class="soft">{w.text}</p>
      </div>
      <Field label={w.url} hint={w.hint} wrong={tried && badUrl ? w.invalid : null}>
        {(input) => (
          <input
            {...input}
            type="url"
            value={chosenUrl()}
            spellcheck={false}
            onInput={(event) => (nodeUrl.value = event.currentTarget.value.trim())}
          />
        )}
      </Field>
      <Field label={w.market} hint={w.marketHint} wrong={tried && badMarket ? w.badMarket : null}>
        {(input) => (
          <input
            {...input}
            class="mono"
            value={chosenMarket()}
            spellcheck={false}
            onInput={(event) => (marketAddress.value = event.currentTarget.value.trim())}
          />
        )}
      </Field>
      <Button kind="main" onPress={start}>
        {w.verify}
      </Button>
      {now.state === "reading" && (
        <Progress
          n={Math.round(now.share * 100)}
          of={100}
          label={w.reading(Math.round(now.share * 100))}
        />
      )}
      {now.state === "failed" && <Failed why={now.why} />}
    </section>
  );
}

function Failed({ why }: { why: Why }) {
  const w = words.value.audit.node;
  const other = why.what === "chain" || why.what === "genesis" || why.what === "contract";
  return (
    <Notice tone="bad" title={other ? w.wrong : why.what === "silent" ? w.silent : w.refused}>
      {other && <p>{w.other[why.what](why.found, why.wanted)}</p>}
      {why.what === "silent" && <p>{w.silentText}</p>}
      {why.what === "refused" && <code>{why.said}</code>}
    </Notice>
  );
}
