import { useState } from "preact/hooks";
import type { Schemas } from "../../api/client";
import { encode } from "../../chain/market";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Confirm";
import { Notice } from "../../parts/Notice";
import { useWork, WorkState } from "../../parts/useWork";
import { words } from "../../words";
import { money, offsetOf } from "../../words/format";
import { headed, noted } from "../../words/join";
import { ALL, inWords } from "./hours";
import { duration, weekdays } from "./said";

type Space = Schemas["SpaceDetailOut"];
type Offer = Schemas["OfferOut"];

/** The offers that can be leased, newest first, each with a way to withdraw it. */
export function Offers({ space, onDone }: { space: Space; onDone: () => void }) {
  const w = words.value.offer.offers;
  const [asked, setAsked] = useState<Offer | null>(null);
  const { work, run } = useWork();
  async function withdraw(offer: Offer): Promise<void> {
    setAsked(null);
    const call = encode("withdrawOffers", [BigInt(space.id), BigInt(offer.number) + 1n]);
    if (await run(call)) onDone();
  }
  const older = asked ? space.offers.filter((one) => one.number < asked.number).length : 0;
  return (
    <section
      class="card stack"
      data-where="own-space"
      data-state={space.offers.length ? "offered" : "unoffered"}
    >
      <h2>{w.title}</h2>
      {space.offers.length === 0 && <Notice tone="warn">{w.none}</Notice>}
      {space.offers.length > 1 && <p class="soft">{w.several}</p>}
      <ul class="offer-list">
        {space.offers.map((offer) => (
          <li key={offer.number} class="stack">
            <Facts offer={offer} space={space} />
            <Button onPress={() => setAsked(offer)} disabled={work.kind === "following"}>
              {w.withdraw(offer.number)}
            </Button>
          </li>
        ))}
      </ul>
      <WorkState work={work} done={w.withdrawn} />
      {asked && (
        <Confirm
          title={w.sure(asked.number)}
          yes={w.yes}
          onYes={() => withdraw(asked)}
          onNo={() => setAsked(null)}
        >
          <p>{w.goOn}</p>
          {older > 0 && <p>{w.older(older)}</p>}
        </Confirm>
      )}
    </section>
  );
}

function Facts({ offer, space }: { offer: Offer; space: Space }) {
  const w = words.value.offer;
  const mask = BigInt(offer.hoursOfWeek);
  const names = weekdays("days");
  return (
    <>
      <h3>
        {headed(
          w.offers.number(offer.number),
          w.offers.perHour(money(BigInt(offer.pricePerSlot) * 4n, space.currency)),
        )}
      </h3>
      <dl class="facts">
        {space.charger && (
          <>
            <dt>{w.offers.energy}</dt>
            <dd class="number">{w.offers.perKwh(money(offer.pricePerKwh, space.currency))}</dd>
          </>
        )}
        <dt>{w.form.hours}</dt>
        <dd>
          {noted(
            mask === ALL ? w.offers.always : inWords(mask, names),
            offsetOf(new Date(), offer.utcOffset),
          )}
        </dd>
        <dt>{w.offers.dates}</dt>
        <dd>
          {offer.firstDay} – {offer.lastDay}
        </dd>
        <dt>{w.offers.stays}</dt>
        <dd>
          {duration(offer.minimumMinutes)} – {duration(offer.maximumMinutes)}
        </dd>
      </dl>
    </>
  );
}
