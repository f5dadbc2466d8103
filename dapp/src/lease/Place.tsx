import { useEffect } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { now } from "../api/clock";
import { Copy } from "../parts/Copy";
import { Failure } from "../parts/Failure";
import { useResource } from "../parts/useResource";
import { words } from "../words";
import { headed } from "../words/join";
import { keepLease } from "./kept";
import type { Detail } from "./stage";

/** The exact place and the ways to it, for the driver; a copy stays for when there is no network. */
export function Place({ lease, zone }: { lease: Detail; zone: string | undefined }) {
  const leaseId = lease.id;
  const found = useResource(
    () => ask(client.GET("/v1/leases/{leaseId}/navigation", { params: { path: { leaseId } } })),
    leaseId,
  );
  useEffect(() => {
    if (found.data) keepLease(lease, found.data, zone, now());
  }, [found.data, lease, zone]);
  if (found.error) return <Failure error={found.error} onRetry={found.reload} />;
  if (!found.data) return <p class="soft">{words.value.common.loading}</p>;
  return <Address place={found.data} />;
}

export function Address({ place }: { place: Schemas["NavigationOut"] }) {
  const w = words.value.lease.place;
  return (
    <section class="card stack" data-where="lease" data-state="place">
      <h2>{w.title}</h2>
      <p class="address">
        <strong>{place.address}</strong>
        {place.level && <span> · {w.level(place.level)}</span>}
      </p>
      {place.instructions && <p>{place.instructions}</p>}
      <WaysIn access={place.access} />
      <div class="row">
        {place.links.filter(isSafe).map((link) => (
          <a key={link.app} class="button" href={link.url} target="_blank" rel="noreferrer">
            {(words.value.common.maps as Readonly<Record<string, string>>)[link.app] ?? link.name}
          </a>
        ))}
        <Copy text={place.address}>{w.copy}</Copy>
      </div>
    </section>
  );
}

/** What one passes on the way in, in order; where it is one thing, there is no order to tell. */
function WaysIn({ access }: { access: Schemas["AccessPointOut"][] }) {
  const w = words.value.lease.place;
  const told = access.map((one) =>
    one.instructions ? headed(w.access[one.kind], one.instructions) : w.access[one.kind],
  );
  // that there is a bar is no news by itself
  if (told.length === 1) return access[0]?.instructions ? <p>{told[0]}</p> : null;
  return (
    <ol>
      {told.map((one, i) => (
        <li key={i}>{one}</li>
      ))}
    </ol>
  );
}

/** Links of map apps; nothing that runs in the page. */
function isSafe({ url }: { url: string }): boolean {
  return !/^\s*(?:javascript|data|vbscript|blob):/i.test(url);
}
