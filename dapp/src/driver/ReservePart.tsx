import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { Schemas } from "../api/client";
import { Asking } from "../parts/Asking";
import { Button } from "../parts/Button";
import { routes, to } from "../routes";
import { account } from "../wallet/state";
import { words } from "../words";
import { money } from "../words/format";
import { AddCar } from "./AddCar";
import { AskedTwice } from "./AskedTwice";
import { CarChoice } from "./CarChoice";
import { carOf, keepPapers, type Papers } from "./garage";
import { reserve, waiting, type Car, type Step } from "./reserve";
import type { Order } from "./order";
import { Stopped } from "./Stopped";

/** The one button of the screen, and what stands in its way. */
export function ReservePart({
  space,
  order,
  maximum,
  onMove,
  onStep,
}: {
  space: Schemas["SpaceDetailOut"];
  order: Order;
  maximum: bigint;
  onMove: () => Promise<void>;
  onStep: (step: Step) => void;
}) {
  const { route } = useLocation();
  const [step, setStep] = useState<Step>({ at: "idle" });
  const [car, setCar] = useState<Car | null>(null);
  const [adding, setAdding] = useState(false);
  const w = words.value.driver;
  const price = (amount: bigint) => money(amount, space.currency);

  function show(next: Step): void {
    setStep(next);
    onStep(next);
  }

  async function run(chosen: Car | null, agreed: bigint): Promise<void> {
    const { portsFor, leaseOf } = await import("./reserving");
    const end = await reserve(portsFor(order), { car: chosen, agreed }, show);
    if (end.at === "vehicle") setAdding(true);
    if (end.at === "done") {
      const intent = end.intent ?? undefined;
      const leaseId = end.leaseId ?? (intent ? await leaseOf(intent) : null);
      route(
        leaseId ? to(routes.lease, { leaseId }, { intent }) : to(routes.leases, {}, { intent }),
      );
    }
  }

  async function added(papers: Papers): Promise<void> {
    const mine = account.value;
    if (!mine) return;
    keepPapers(mine.address, papers);
    const chosen = carOf(papers);
    setCar(chosen);
    setAdding(false);
    if (step.at === "vehicle") await run(chosen, maximum);
  }

  const busy = !waiting(step);
  return (
    <>
      <section
        class="card reserve"
        data-where="reserve"
        data-state={step.at}
        data-vehicle={step.at === "vehicle" ? step.why : undefined}
        aria-label={w.space.reserving}
      >
        <CarChoice
          until={order.span.end}
          space={space}
          chosen={car}
          onChoose={setCar}
          onAdd={() => setAdding(true)}
          disabled={busy}
        />
        {!adding && <AskedTwice order={order} currency={space.currency} />}
        <div role="status">
          {step.at === "signingIn" && <p>{w.reserve.signingIn}</p>}
          {step.at === "quoting" && <p>{w.reserve.quoting}</p>}
          {step.at === "approving" && <p>{w.reserve.approving}</p>}
          {step.at === "signing" && <p>{w.reserve.signing}</p>}
        </div>
        <Asking />
        <Stopped
          step={step}
          space={space}
          order={order}
          told={maximum}
          onAgain={(agreed) => run(car, agreed ?? maximum)}
          onMove={onMove}
        />
        {adding && account.value && (
          <AddCar
            account={account.value.address}
            onDone={added}
            onClose={() => setAdding(false)}
            unverified={step.at === "vehicle" && step.why === "unverified"}
            reserves={step.at === "vehicle" ? price(maximum) : null}
            told={<AskedTwice order={order} currency={space.currency} />}
          />
        )}
      </section>
      {step.at !== "dearer" && step.at !== "taken" && step.at !== "past" && (
        <div class="go">
          <Button kind="main wide" disabled={busy} onPress={() => run(car, maximum)}>
            {w.space.reserve(price(maximum))}
          </Button>
        </div>
      )}
    </>
  );
}
