import { useState } from "preact/hooks";
import { ask, client, type Schemas } from "../../api/client";
import { ApiError } from "../../api/problem";
import { locate, NotLocated, type Unlocated } from "../../driver/locate";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { Field } from "../../parts/Field";
import { useFirstWrong } from "../../parts/useFirstWrong";
import { requireAccount } from "../../wallet";
import { words } from "../../words";
import { bodyOf, draftOf, refused, textOf, wrongIn, type PlaceField } from "./place";

/** As long as the service takes them. */
const LONGEST: Record<PlaceField, number> = {
  address: 300,
  point: 60,
  entrance: 60,
  level: 40,
  gate: 1000,
  way: 1000,
  area: 80,
};
const PROSE: readonly PlaceField[] = ["gate", "way"];
const ORDER = ["address", "point", "entrance", "level", "gate", "way", "area"] as const;

/** Address and way in, kept by the service and told to drivers only: nothing of it is signed. */
export function PlaceForm({
  spaceId,
  kept,
  onSaved,
  onClose,
}: {
  spaceId: string;
  kept: Schemas["PrivateOut"] | null;
  onSaved: (now: Schemas["PrivateOut"]) => void;
  onClose: () => void;
}) {
  const w = words.value.place;
  const [draft, setDraft] = useState(() => draftOf(kept));
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [unlocated, setUnlocated] = useState<Unlocated | null>(null);
  const unread = tried ? wrongIn(draft) : [];
  const rejected = refused(error);
  const [form, lookAtWrong] = useFirstWrong<HTMLDivElement>();

  function wrong(field: PlaceField): string | null {
    if (unread.includes(field)) return w.wrong[field];
    if (!rejected.includes(field)) return null;
    // how far it is away is a figure of the service's
    return error instanceof ApiError && error.code === "place.cell" ? w.far : w.wrong[field];
  }
  function change(part: Partial<typeof draft>): void {
    // "here" takes a while: what is typed meanwhile stays
    setDraft((old) => ({ ...old, ...part }));
    setError(null);
  }
  async function here(): Promise<void> {
    setUnlocated(null);
    try {
      change({ point: textOf({ type: "Point", coordinates: await locate() }) });
    } catch (reason) {
      setUnlocated(reason instanceof NotLocated ? reason.why : "unavailable");
    }
  }
  async function save(): Promise<void> {
    setTried(true);
    setError(null);
    const body = bodyOf(draft, kept);
    if (!body) return lookAtWrong();
    try {
      await requireAccount();
      const params = { path: { spaceId } };
      onSaved(await ask(client.PUT("/v1/spaces/{spaceId}/private", { params, body })));
    } catch (reason) {
      setError(reason);
      lookAtWrong();
    }
  }
  return (
    <div class="stack" ref={form}>
      <p class="soft">{w.text}</p>
      {ORDER.map((field) => (
        <Field key={field} label={w[field]} hint={w.hints[field]} wrong={wrong(field)}>
          {(input) => {
            const more = {
              ...input,
              maxLength: LONGEST[field],
              autocomplete: "off",
              value: draft[field],
              onInput: (event: { currentTarget: { value: string } }) =>
                change({ [field]: event.currentTarget.value }),
            };
            return PROSE.includes(field) ? <textarea {...more} rows={3} /> : <input {...more} />;
          }}
        </Field>
      ))}
      <Button kind="slim" onPress={here} busy={words.value.driver.find.locating}>
        <span aria-hidden="true">◎</span> {w.here}
      </Button>
      {unlocated && (
        <p class="wrong" role="alert">
          {w.unlocated}
        </p>
      )}
      {rejected.length === 0 && <Failure error={error} onRetry={save} />}
      <div class="row">
        <Button kind="main" onPress={save} busy={w.saving}>
          {w.save}
        </Button>
        <Button onPress={onClose}>{words.value.common.close}</Button>
      </div>
    </div>
  );
}
