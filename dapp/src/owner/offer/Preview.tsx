import { words } from "../../words";
import { money, type Currency } from "../../words/format";
import type { OfferTerms } from "./draft";
import { BOOKED, previewOf } from "./preview";
import { duration } from "./said";

/** What a driver would pay and what comes to the owner, by the contract's formulas. */
export function Preview({
  terms,
  currency,
  feeBasisPoints,
}: {
  terms: OfferTerms;
  currency: Currency;
  feeBasisPoints: number;
}) {
  const w = words.value.offer.preview;
  const found = previewOf(terms, BigInt(feeBasisPoints));
  const say = (amount: bigint) => money(amount, currency);
  return (
    <section class="stack" data-where="own-space" data-state="preview">
      <h3>{w.title}</h3>
      <div class="scroll" role="region" aria-label={w.title} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{w.stay}</th>
              <th scope="col" class="number">
                {w.pays}
              </th>
              <th scope="col" class="number">
                {w.earns}
              </th>
            </tr>
          </thead>
          <tbody>
            {found.stays.map((one) => (
              <tr key={one.minutes}>
                <th scope="row">{duration(one.minutes)}</th>
                {one.possible ? (
                  <>
                    <td class="number">
                      {say(one.pays)}
                      <span class="soft offer-held">{w.held(say(one.held))}</span>
                    </td>
                    <td class="number">{say(one.earns)}</td>
                  </>
                ) : (
                  <td colSpan={2} class="soft">
                    {w.impossible}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul>
        <li>
          {w.late(
            duration(BOOKED),
            found.overstay.minutes,
            found.overstay.billed,
            say(found.overstay.extra),
            say(found.overstay.pays),
          )}
        </li>
        <li>{w.early(duration(BOOKED), say(found.early.pays))}</li>
        <li>{w.lateCancel(duration(BOOKED), say(found.lateCancel))}</li>
        <li>{w.noShow(duration(BOOKED), say(found.noShow))}</li>
      </ul>
      <p class="soft">{w.fee(`${feeBasisPoints / 100} %`)}</p>
    </section>
  );
}
