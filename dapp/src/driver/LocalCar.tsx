import { useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";
import { words } from "../words";
import { SIZES, sizeOf, type Size } from "./cars";
import { localPapers, type Papers } from "./garage";

/** For trying out: a verifier that believes every plate. */
export function LocalCar({
  use: label,
  onDone,
}: {
  /** What its button does. */
  use: string;
  onDone: (papers: Promise<Papers>) => Promise<void>;
}) {
  const [plate, setPlate] = useState("");
  const [size, setSize] = useState<Size>("medium");
  const [wrong, setWrong] = useState(false);
  const w = words.value.driver;
  async function use(): Promise<void> {
    const bad = !plausible(plate);
    setWrong(bad);
    if (!bad) await onDone(localPapers(plate, size));
  }
  return (
    <form class="stack" onSubmit={(event) => event.preventDefault()} noValidate>
      <p class="banner">{w.addCar.local}</p>
      <Field
        label={w.addCar.plate}
        hint={w.addCar.plateHint}
        wrong={wrong ? w.addCar.plateWrong : null}
      >
        {(input) => (
          <input
            {...input}
            value={plate}
            maxLength={16}
            autocomplete="off"
            autocapitalize="characters"
            onInput={(event) => setPlate(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label={w.addCar.size}>
        {(input) => (
          <select
            {...input}
            value={size}
            onChange={(event) => setSize(sizeOf(event.currentTarget.value) ?? "medium")}
          >
            {SIZES.map((one) => (
              <option key={one} value={one}>
                {w.find.sizes[one]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Button kind="main wide" type="submit" onPress={use} busy={w.addCar.adding}>
        {label}
      </Button>
    </form>
  );
}

export function plausible(plate: string): boolean {
  const bare = plate.replace(/[^\p{L}\p{N}]/gu, "");
  return bare.length >= 2 && bare.length <= 12;
}
