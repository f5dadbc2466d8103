import { useState } from "preact/hooks";
import type { Schemas } from "../api/client";
import { Button } from "../parts/Button";
import { Copy } from "../parts/Copy";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { fundsOffered, getFunds } from "../wallet/funds";
import { account } from "../wallet/state";
import { routes, to } from "../routes";
import { words } from "../words";
import { money } from "../words/format";
import { NextBest, wishLike } from "./NextBest";
import type { Objection, Step } from "./reserve";
import type { Order } from "./order";
import { queryOf } from "./wish";

/** Why it did not go through, and the way on. */
export function Stopped({
  step,
  space,
  order,
  told,
  onAgain,
  onMove,
}: {
  step: Step;
  space: Schemas["SpaceDetailOut"];
  order: Order;
  told: bigint;
  onAgain: (agreed?: bigint) => Promise<void>;
  onMove: () => Promise<void>;
}) {
  const w = words.value.driver.reserve;
  const price = (amount: bigint) => money(amount, space.currency);
  switch (step.at) {
    case "dearer":
      return (
        <Notice tone="warn" title={w.dearer.title}>
          <p>{w.dearer.text(price(told), price(step.maximum))}</p>
          <Button kind="main wide" onPress={() => onAgain(step.maximum)}>
            {w.dearer.yes(price(step.maximum))}
          </Button>
        </Notice>
      );
    case "taken":
      return <NextBest space={space} order={order} />;
    case "past":
      return (
        <Notice tone="warn" title={w.past.title}>
          <p>{w.past.text}</p>
          <Button kind="main wide" onPress={onMove}>
            {w.past.yes}
          </Button>
        </Notice>
      );
    case "refused":
      return (
        <>
          <Notice tone="bad" title={w.refused}>
            {step.objections.map((one) => (
              <p key={one.code}>{inWords(one)}</p>
            ))}
          </Notice>
          <a class="button wide" href={to(routes.find, {}, queryOf(wishLike(space, order)))}>
            {w.taken.search}
          </a>
        </>
      );
    case "short":
      return (
        <Short missing={price(step.missing)} symbol={space.currency.symbol} onAgain={onAgain} />
      );
    case "vehicle":
      return step.why === "unverified" ? <Notice tone="warn" title={w.unverified} /> : null;
    case "failed":
      return <Failure error={step.error} onRetry={() => onAgain()} />;
    default:
      return null;
  }
}

/** In the language of now: the quote's sentence is in that of the moment when it was asked for. */
function inWords({ code, sentence }: Objection): string {
  const { objections } = words.value.driver.reserve;
  return (objections as Readonly<Record<string, string>>)[code] ?? sentence;
}

function Short({
  missing,
  symbol,
  onAgain,
}: {
  missing: string;
  symbol: string;
  onAgain: () => Promise<void>;
}) {
  const w = words.value.driver.reserve.short;
  const address = account.value?.address;
  async function fund(): Promise<void> {
    await getFunds();
    await onAgain();
  }
  return (
    <Notice tone="warn" title={w.title(missing)}>
      <p>{w.text}</p>
      {fundsOffered() ? (
        <FundButton label={w.test} busy={w.getting} onPress={fund} />
      ) : (
        address && (
          <>
            <p>{w.elsewhere(symbol)}</p>
            <p class="mono">{address}</p>
            <Copy text={address} />
          </>
        )
      )}
    </Notice>
  );
}

function FundButton({
  label,
  busy,
  onPress,
}: {
  label: string;
  busy: string;
  onPress: () => Promise<void>;
}) {
  const [error, setError] = useState<unknown>(null);
  async function press(): Promise<void> {
    setError(null);
    await onPress().catch(setError);
  }
  return (
    <>
      <Failure error={error} onRetry={press} />
      <Button kind="wide" onPress={press} busy={busy}>
        {label}
      </Button>
    </>
  );
}
