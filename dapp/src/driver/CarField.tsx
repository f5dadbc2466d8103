import { useEffect, useRef } from "preact/hooks";
import { ask, client } from "../api/client";
import { Field } from "../parts/Field";
import { useResource } from "../parts/useResource";
import { account } from "../wallet/state";
import { words } from "../words";
import { locale } from "../words/format";
import { MEASURES, sizeOf, SIZES, type Size } from "./cars";

/** The size that must fit; the account's own cars are named by their plates. */
export function CarField({
  size,
  onChange,
  wrong,
}: {
  size: Size | null;
  onChange: (size: Size | null) => void;
  wrong: string | null | undefined;
}) {
  const w = words.value.driver.find;
  const address = account.value?.address ?? "";
  const cars = useResource(
    async () => (address ? (await ask(client.GET("/v1/me/vehicles"))).items : []),
    address,
  );
  const own = (cars.data ?? []).flatMap((one) => {
    const its = sizeOf(one.size);
    return its && one.plate ? [{ plate: one.plate, size: its }] : [];
  });
  // who has one car only is asked nothing
  const only = own.length === 1 ? own[0]?.size : undefined;
  const latest = useRef({ size, onChange });
  latest.current = { size, onChange };
  useEffect(() => {
    if (only && latest.current.size === null) latest.current.onChange(only);
  }, [only]);
  return (
    <Field label={w.car} hint={size ? measured(size) : undefined} wrong={wrong}>
      {(input) => (
        <select
          {...input}
          value={size ?? ""}
          onChange={(event) => onChange(sizeOf(event.currentTarget.value))}
        >
          <option value="">{w.anyCar}</option>
          {SIZES.map((one) => (
            <option key={one} value={one}>
              {[
                w.sizes[one],
                ...own.filter((car) => car.size === one).map((car) => car.plate),
              ].join(" · ")}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function measured(size: Size): string {
  const { lengthCm, widthCm, heightCm } = MEASURES[size];
  return words.value.driver.find.measures(metres(lengthCm), metres(widthCm), metres(heightCm));
}

export function metres(centimetres: number): string {
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 2 };
  return `${new Intl.NumberFormat(locale(), digits).format(centimetres / 100)} m`;
}
