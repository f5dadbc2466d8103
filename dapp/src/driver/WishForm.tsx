import { useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { words } from "../words";
import { CarField } from "./CarField";
import { ChargeField } from "./ChargeField";
import { PlaceField } from "./PlaceField";
import { WhenField } from "./WhenField";
import { zoneOf } from "./searching";
import { somewhere, type Wish } from "./wish";
import type { WishField } from "./wrong";

/** What is wanted. One tap searches with what stands there. */
export function WishForm({
  first,
  wrong,
  onSearch,
  onClose,
}: {
  first: Wish;
  wrong: Partial<Record<WishField, string>>;
  onSearch: (wish: Wish) => void;
  onClose?: () => void;
}) {
  const [wish, setWish] = useState(first);
  const [nowhere, setNowhere] = useState(false);
  const w = words.value.driver.find;
  const change = (part: Partial<Wish>) => {
    setWish((old) => ({ ...old, ...part }));
    setNowhere(false);
  };
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    if (!somewhere(wish)) {
      setNowhere(true);
      const form = event.currentTarget as HTMLFormElement;
      form.querySelector<HTMLInputElement>("input[type=search]")?.focus();
      return;
    }
    onSearch(wish);
  }
  return (
    <form class="card wish" onSubmit={submit} noValidate role="search">
      <PlaceField wish={wish} onChange={change} wrong={nowhere ? w.placeWrong : wrong.place} />
      <WhenField
        start={wish.start}
        minutes={wish.minutes}
        zone={zoneOf(wish)}
        onChange={change}
        wrong={wrong.start ?? wrong.length}
      />
      <CarField size={wish.car} onChange={(car) => change({ car })} wrong={wrong.car} />
      <ChargeField plug={wish.plug} kwh={wish.kwh} onChange={change} wrong={wrong.charger} />
      <div class="go">
        <Button kind="main wide" type="submit">
          {w.search}
        </Button>
        {onClose && (
          <Button kind="plain wide" onPress={onClose}>
            {words.value.common.cancel}
          </Button>
        )}
      </div>
    </form>
  );
}
