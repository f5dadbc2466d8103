import { useState } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { now } from "../api/clock";
import { useLive } from "../api/live";
import { AddCar } from "../driver/AddCar";
import { carOf, keepPapers, papersOf, type Papers } from "../driver/garage";
import { SLOT } from "../driver/slots";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { useResource } from "../parts/useResource";
import { words } from "../words";
import { date, short } from "../words/format";
import "../style/driver.css";

/** The account's verified vehicles: on the chain, and signed for but not there yet. */
export function Vehicles({ address }: { address: string }) {
  const w = words.value.wallet.account;
  const [adding, setAdding] = useState(false);
  const list = useResource(() => ask(client.GET("/v1/me/vehicles")), address);
  useLive("vehicle.", list.reload);
  const there = list.data?.items ?? [];
  const known = new Set(there.map((one) => one.plateCommitment.toLowerCase()));
  const signed = papersOf(address).filter(
    (one) => !known.has(one.proof.plateCommitment.toLowerCase()),
  );
  return (
    <section class="card stack" aria-labelledby="vehicles">
      <h2 id="vehicles">{w.vehicles}</h2>
      <Failure error={list.error} onRetry={list.reload} />
      {list.loading && !list.data && <p class="soft">{words.value.common.loading}</p>}
      {list.data && !there.length && !signed.length && <p>{w.noVehicle}</p>}
      {there.length + signed.length > 0 && (
        <ul class="vehicles">
          {there.map((one) => (
            <Vehicle key={one.plateCommitment} vehicle={one} />
          ))}
          {signed.map((one) => (
            <Signed key={one.proof.plateCommitment} papers={one} />
          ))}
        </ul>
      )}
      <Button onPress={() => setAdding(true)}>{w.addVehicle}</Button>
      {adding && (
        <AddCar
          account={address}
          unverified={false}
          onDone={(papers) => {
            keepPapers(address, papers);
            setAdding(false);
          }}
          onClose={() => setAdding(false)}
        />
      )}
    </section>
  );
}

function Vehicle({ vehicle }: { vehicle: Schemas["VehicleOut"] }) {
  const w = words.value.wallet.account;
  return (
    <Line
      name={vehicle.plate ?? `${w.plateUnknown} (${short(vehicle.plateCommitment)})`}
      size={vehicle.size}
      until={Date.parse(vehicle.coveredUntil)}
    />
  );
}

/** On this device only, until a stay takes it to the chain. */
function Signed({ papers }: { papers: Papers }) {
  const { plate, size } = carOf(papers);
  const until = papers.proof.untilSlot * SLOT;
  const note = words.value.wallet.account.onlyHere;
  return <Line name={plate ?? ""} size={size} until={until} note={note} />;
}

function Line({
  name,
  size,
  until,
  note,
}: {
  name: string;
  size: string;
  until: number;
  note?: string;
}) {
  const w = words.value.wallet.account;
  const covered = until > now();
  return (
    <li class="row">
      <span class="grow">
        <strong>{name}</strong>
        {note && (
          <>
            <br />
            <span class="soft small">{note}</span>
          </>
        )}
      </span>
      <span class="chip">{(w.size as Readonly<Record<string, string>>)[size] ?? size}</span>
      <span class={`chip ${covered ? "good" : "warn"}`}>
        {covered ? `✓ ${w.coveredUntil(date(new Date(until)))}` : `! ${w.lapsed}`}
      </span>
    </li>
  );
}
