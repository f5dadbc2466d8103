import { useState } from "preact/hooks";
import { encode } from "../../chain/market";
import { config } from "../../config";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { useWork, WorkState } from "../../parts/useWork";
import { account } from "../../wallet";
import { words } from "../../words";
import { money, type Currency } from "../../words/format";
import { sentences } from "../../words/join";
import { typed } from "../offer/first";
import { amountOf } from "./amount";

/** Sends credit to the account's own wallet: by the wallet itself, which pays for it. */
export function Withdraw({
  credit,
  currency,
  onDone,
}: {
  credit: bigint;
  currency: Currency;
  onDone: () => void;
}) {
  const w = words.value.earnings;
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const [tried, setTried] = useState(false);
  const { work, run } = useWork();
  const running = work.kind === "asking" || work.kind === "following";
  const { amount, wrong } = amountOf(text, currency.decimals, credit);
  const told = wrong === "most" ? w.wrongMost : tried && wrong ? w.wrongAmount : null;
  async function withdraw(): Promise<void> {
    setTried(true);
    const me = account.value;
    if (amount === null || !me) return;
    if (!(await run(encode("withdraw", [me.address, amount])))) return;
    setOpen(false);
    setTried(false);
    setText("");
    onDone();
  }
  if (!open) {
    return (
      <>
        <WorkState work={work} done={w.done} />
        {credit === 0n ? (
          <p>{w.nothing}</p>
        ) : (
          <Button kind="main wide" onPress={() => setOpen(true)}>
            {w.withdraw}
          </Button>
        )}
      </>
    );
  }
  return (
    <div class="stack" data-where="earnings" data-state="withdraw">
      <h3>{w.withdrawTitle}</h3>
      <Field label={w.amount(currency.symbol)} hint={w.most(money(credit, currency))} wrong={told}>
        {(input) => (
          <input
            {...input}
            inputMode="decimal"
            autocomplete="off"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <Button onPress={() => setText(typed(credit, currency.decimals))}>{w.all}</Button>
      <p class="soft">{sentences(w.gas, config.value?.local?.funds && w.gasLocal)}</p>
      <WorkState work={work} done={w.done} />
      <Button kind="main wide" onPress={withdraw} disabled={running}>
        {w.withdraw}
      </Button>
      <Button kind="wide" onPress={() => setOpen(false)} disabled={running}>
        {words.value.common.cancel}
      </Button>
    </div>
  );
}
