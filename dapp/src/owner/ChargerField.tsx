import { Field } from "../parts/Field";
import { words } from "../words";
import { chargerWords } from "./charger";

const POWERS = [7400, 11_000, 22_000, 50_000] as const;

/** What charges with so many watts. */
export function plugFor(powerW: number): ("type2" | "ccs2")[] {
  return powerW === 0 ? [] : [powerW >= 50_000 ? "ccs2" : "type2"];
}

/** The charger at a space, or none. */
export function ChargerField({
  power,
  onChange,
}: {
  power: number;
  onChange: (watts: number) => void;
}) {
  return (
    <Field label={words.value.owner.register.charger}>
      {(input) => (
        <select
          {...input}
          value={power}
          onChange={(event) => onChange(Number(event.currentTarget.value))}
        >
          <option value={0}>{words.value.owner.noCharger}</option>
          {POWERS.map((one) => (
            <option key={one} value={one}>
              {chargerWords(one, plugFor(one))}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
