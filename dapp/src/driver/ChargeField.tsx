import { useId } from "preact/hooks";
import { config } from "../config";
import { words } from "../words";
import { plugName } from "./Summary";
import { ENERGIES } from "./wish";

/** A charger, only if it is wanted. */
export function ChargeField({
  plug,
  kwh,
  onChange,
  wrong,
}: {
  plug: string | null;
  kwh: number;
  onChange: (part: { plug?: string | null; kwh?: number }) => void;
  wrong: string | null | undefined;
}) {
  const id = useId();
  const w = words.value.driver.find;
  const plugs = config.value?.connectors ?? ["type2"];
  const energies = [...new Set<number>([...ENERGIES, kwh])].sort((a, b) => a - b);
  return (
    <div class="charge">
      <label class="check">
        <input
          type="checkbox"
          checked={plug !== null}
          onChange={(event) =>
            onChange({ plug: event.currentTarget.checked ? (plugs[0] ?? "type2") : null })
          }
        />
        {w.charge}
      </label>
      {plug !== null && (
        <div class="pair">
          <label class="field" for={`${id}-plug`}>
            <span class="label">{w.plug}</span>
            <select
              id={`${id}-plug`}
              value={plug}
              onChange={(event) => onChange({ plug: event.currentTarget.value })}
            >
              {plugs.map((one) => (
                <option key={one} value={one}>
                  {plugName(one)}
                </option>
              ))}
            </select>
          </label>
          <label class="field" for={`${id}-kwh`}>
            <span class="label">{w.energy}</span>
            <select
              id={`${id}-kwh`}
              value={kwh}
              onChange={(event) => onChange({ kwh: Number(event.currentTarget.value) })}
            >
              {energies.map((one) => (
                <option key={one} value={one}>
                  {w.kwh(one)}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {wrong && (
        <p class="wrong" role="alert">
          {wrong}
        </p>
      )}
    </div>
  );
}
