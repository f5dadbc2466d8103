import type { Schemas } from "../api/client";
import { words } from "../words";
import { locale } from "../words/format";
import { listed } from "../words/join";
import { metres } from "./CarField";
import { Map } from "./map/Map";
import { spaceName } from "./names";
import { kilowatt } from "./ResultCard";
import { plugName } from "./Summary";

/** What everybody may know of a space. */
export function Facts({ space }: { space: Schemas["SpaceDetailOut"] }) {
  const w = words.value.driver;
  const kind = (w.kinds as Readonly<Record<string, string>>)[space.kind] ?? space.kind;
  const { charger } = space;
  const point = space.publicPoint.coordinates;
  return (
    <section class="card" aria-labelledby="facts">
      <h2 id="facts">{w.space.facts}</h2>
      <dl class="facts">
        <dt>{w.space.kind}</dt>
        <dd>{kind}</dd>
        <dt>{w.space.room}</dt>
        <dd>{w.space.size(metres(space.lengthCm), metres(space.widthCm))}</dd>
        <dt>{w.space.height}</dt>
        <dd>{space.heightCm ? metres(space.heightCm) : w.results.openAir}</dd>
        <dt>{w.space.charger}</dt>
        <dd>
          {charger
            ? w.space.plugs(listed(charger.connectors.map(plugName)), kilowatt(charger.powerW))
            : w.space.noCharger}
        </dd>
        <dt>{w.space.shareable}</dt>
        <dd>{dayWords(space.validUntil)}</dd>
        <dt>{w.space.id}</dt>
        <dd class="mono">{space.id}</dd>
        <dt>{w.space.where}</dt>
        <dd>{w.space.whereText}</dd>
      </dl>
      <Map center={point} marks={[{ id: space.id, point, text: "P", label: spaceName(space) }]} />
    </section>
  );
}

function dayWords(day: string): string {
  const form = new Intl.DateTimeFormat(locale(), { dateStyle: "long", timeZone: "UTC" });
  return form.format(new Date(`${day}T12:00:00Z`));
}
