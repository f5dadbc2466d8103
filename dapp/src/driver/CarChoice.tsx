import type { Schemas } from "../api/client";
import { useLive } from "../api/live";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { useResource } from "../parts/useResource";
import { account } from "../wallet/state";
import { words } from "../words";
import { short } from "../words/format";
import { fit, MEASURES, sizeOf } from "./cars";
import { carsUntil } from "./garage";
import type { Car } from "./reserve";

/** Which car comes; nothing where nobody is signed in, or has no car yet: it is asked for then. */
export function CarChoice({
  until,
  space,
  chosen,
  onChoose,
  onAdd,
  disabled,
}: {
  until: number;
  space: Schemas["SpaceDetailOut"];
  chosen: Car | null;
  onChoose: (car: Car) => void;
  onAdd: () => void;
  disabled: boolean;
}) {
  const w = words.value.driver;
  const address = account.value?.address ?? "";
  const cars = useResource(
    async () => (address ? carsUntil(address, until) : []),
    `${address} ${until} ${chosen?.plateCommitment ?? ""}`,
  );
  useLive("vehicle.", cars.reload);
  if (cars.error) return <Failure error={cars.error} onRetry={cars.reload} />;
  const all = cars.data ?? [];
  const car = chosen ?? all[0];
  if (!car) return null;
  return (
    <>
      <Field label={w.space.withCar}>
        {(input) => (
          <select
            {...input}
            disabled={disabled}
            value={car.plateCommitment}
            onChange={(event) => {
              const next = all.find((one) => one.plateCommitment === event.currentTarget.value);
              if (next) onChoose(next);
            }}
          >
            {all.map((one) => (
              <option key={one.plateCommitment} value={one.plateCommitment}>
                {carName(one)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {car.proof && <p class="soft small">{w.space.signed}</p>}
      {tooBig(car, space) && <Notice tone="warn" title={w.space.tooBig} />}
      <Button kind="plain" disabled={disabled} onPress={onAdd}>
        {w.space.otherCar}
      </Button>
    </>
  );
}

function carName(car: Car): string {
  const size = sizeOf(car.size);
  const { sizes } = words.value.driver.find;
  return [car.plate ?? short(car.plateCommitment), size && sizes[size]].filter(Boolean).join(" · ");
}

function tooBig(car: Car, space: Schemas["SpaceDetailOut"]): boolean {
  const size = sizeOf(car.size);
  return size !== null && fit(space, MEASURES[size]).spareCm < 0;
}
