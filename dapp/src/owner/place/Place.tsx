import { useState } from "preact/hooks";
import { ask, client, type Schemas } from "../../api/client";
import { ApiError } from "../../api/problem";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { Notice } from "../../parts/Notice";
import { useResource } from "../../parts/useResource";
import { words } from "../../words";
import { PlaceForm } from "./PlaceForm";

/** Where the space is, as its drivers are told it; its owner and manager may change that at any time. */
export function Place({ spaceId }: { spaceId: string }) {
  const w = words.value.place;
  const [open, setOpen] = useState(false);
  const [saved, setSaved] = useState<Schemas["PrivateOut"] | null>(null);
  const found = useResource(() => placeOf(spaceId), spaceId);
  const kept = saved ?? found.data ?? null;
  const state = found.data === undefined ? "loading" : open ? "changing" : kept ? "kept" : "none";
  return (
    <section class="card stack" data-place={state}>
      <h2>{w.title}</h2>
      <Failure error={found.error} onRetry={found.reload} />
      {state === "none" && <Notice tone="warn">{w.none}</Notice>}
      {state === "kept" && kept && <Kept kept={kept} />}
      {state === "kept" && saved && <Notice tone="good">{w.saved}</Notice>}
      {(state === "kept" || state === "none") && (
        <Button onPress={() => setOpen(true)}>{kept ? w.change : w.say}</Button>
      )}
      {state === "changing" && (
        <PlaceForm
          spaceId={spaceId}
          kept={kept}
          onSaved={(now) => {
            setSaved(now);
            setOpen(false);
          }}
          onClose={() => setOpen(false)}
        />
      )}
    </section>
  );
}

function Kept({ kept }: { kept: Schemas["PrivateOut"] }) {
  const w = words.value.place;
  const gate = kept.access.find((one) => one.kind === "gate")?.instructions;
  const rows = [
    [w.level, kept.level],
    [w.gate, gate],
    [w.way, kept.instructions],
    [w.area, kept.publicArea],
  ] as const;
  return (
    <>
      <p>
        <strong>{kept.address}</strong>
        <br />
        <span class="soft">{kept.addressProven ? w.proven : w.unproven}</span>
      </p>
      <dl class="facts">
        {rows.map(
          ([name, text]) =>
            text && (
              <>
                <dt>{name}</dt>
                <dd>{text}</dd>
              </>
            ),
        )}
      </dl>
    </>
  );
}

/** Null where nobody has said it yet. */
async function placeOf(spaceId: string): Promise<Schemas["PrivateOut"] | null> {
  try {
    const params = { path: { spaceId } };
    return await ask(client.GET("/v1/spaces/{spaceId}/private", { params }));
  } catch (error) {
    if (error instanceof ApiError && error.code === "place.unknown") return null;
    throw error;
  }
}
