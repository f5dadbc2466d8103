import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { encode, sameCall } from "../chain/market";
import { config } from "../config";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { useTitle } from "../parts/useTitle";
import { useWork, WorkState } from "../parts/useWork";
import { routes, to } from "../routes";
import { account, requireAccount } from "../wallet";
import { language, words } from "../words";
import { PapersForm } from "./PapersForm";
import { registration } from "./papers";
import { rough } from "./place/place";
import { Out } from "./Spaces";
import "../style/owner.css";

export type Registration = Schemas["RegistrationBody"];
/** A registration, and what opens its title's hashes where that is known. */
export interface Papers {
  registration: Registration;
  proof: Schemas["ProofOut"] | null;
}

/** From papers to a registered space: checked first, so that nobody pays for a refusal. */
export function Register() {
  const w = words.value.owner.register;
  useTitle(w.title);
  const found = account.value;
  return (
    <div class="stack">
      <h1>{w.title}</h1>
      <a href={routes.owner}>← {words.value.offer.all}</a>
      {found ? <Steps key={found.address} /> : <Out />}
    </div>
  );
}

function Steps() {
  const w = words.value.owner.register;
  const [papers, setPapers] = useState<Papers | null>(null);
  const [check, setCheck] = useState<Schemas["CheckOut"] | null>(null);
  const [error, setError] = useState<unknown>(null);

  // an answer about papers that were handed in before says nothing of those that are there now
  const newest = useRef<Papers | null>(null);

  async function examine(given: Papers): Promise<void> {
    newest.current = given;
    setPapers(given);
    setCheck(null);
    setError(null);
    try {
      await requireAccount();
      const found = await judge(given);
      if (newest.current === given) setCheck(found);
    } catch (reason) {
      if (newest.current === given) setError(reason);
    }
  }
  const spoken = language.value;
  const refused = useRef<Papers | null>(null);
  refused.current = check && !check.compliant ? papers : null;
  useEffect(() => {
    // the reasons are sentences of the service
    const given = refused.current;
    if (!given) return;
    judge(given).then(
      (found) => newest.current === given && setCheck(found),
      () => undefined,
    );
  }, [spoken]);
  return (
    <>
      <p class="soft">{w.intro}</p>
      {!check?.compliant && <PapersForm onPapers={examine} />}
      <Failure error={error} {...(papers ? { onRetry: () => examine(papers) } : {})} />
      {check && !check.compliant && <Reasons reasons={check.reasons} />}
      {papers && check?.compliant && <Ready papers={papers} check={check} />}
    </>
  );
}

function judge({ registration }: Papers): Promise<Schemas["CheckOut"]> {
  return ask(client.POST("/v1/spaces/check", { body: registration }));
}

function Reasons({ reasons }: { reasons: Schemas["CheckOut"]["reasons"] }) {
  const w = words.value.owner.register;
  return (
    <section data-where="register" data-state="refused">
      <Notice tone="bad" title={w.refused}>
        <ul>
          {reasons.map((reason) => (
            <li key={reason.code}>{reason.sentence}</li>
          ))}
        </ul>
      </Notice>
    </section>
  );
}

function Ready({ papers, check }: { papers: Papers; check: Schemas["CheckOut"] }) {
  const w = words.value.owner.register;
  const { route } = useLocation();
  const { work, run } = useWork();
  const [area, setArea] = useState("");
  const [way, setWay] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [registered, setRegistered] = useState(false);
  const there = to(routes.ownSpace, { spaceId: check.spaceId });

  async function register(): Promise<void> {
    const { transaction } = check;
    if (!transaction) return;
    setError(null);
    try {
      const args = registration(papers.registration, check.spaceId, config.value?.connectors ?? []);
      const call = encode("registerSpace", [args]);
      sameCall(call, transaction);
      if (!(await run(call))) return;
      setRegistered(true);
      await keep();
    } catch (reason) {
      setError(reason);
    }
  }

  /** The place for drivers; it may be tried again, for the space is registered by then. */
  async function keep(): Promise<void> {
    setError(null);
    try {
      if (papers.proof) await keepPlace(check.spaceId, papers.proof, area, way);
      route(there);
    } catch (reason) {
      setError(reason);
    }
  }
  const busy = work.kind === "asking" || work.kind === "following";
  return (
    <section
      class="card stack"
      data-where="register"
      data-state={registered ? "registered" : "ready"}
    >
      <Notice tone="good" title={w.ready}>
        {papers.proof && <p>{papers.proof.address}</p>}
        {papers.proof?.holderGenerated && <p>{w.generated}</p>}
      </Notice>
      {papers.proof && (
        <>
          <Field label={w.area} hint={w.areaHint}>
            {(input) => (
              <input
                {...input}
                maxLength={80}
                value={area}
                onInput={(event) => setArea(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field label={w.way} hint={w.wayHint}>
            {(input) => (
              <textarea
                {...input}
                maxLength={1000}
                rows={3}
                value={way}
                onInput={(event) => setWay(event.currentTarget.value)}
              />
            )}
          </Field>
        </>
      )}
      {papers.proof && <p class="soft">{w.place}</p>}
      <WorkState work={work} done={w.done} />
      {registered && error !== null && <Notice tone="warn">{w.placeLost}</Notice>}
      <Failure error={error} {...(registered ? { onRetry: keep } : {})} />
      {registered ? (
        <a class="button main wide" href={there}>
          {w.onward}
        </a>
      ) : (
        <Button kind="main wide" onPress={register} disabled={busy}>
          {w.register}
        </Button>
      )}
    </section>
  );
}

/** Address and way for the drivers of confirmed leases; for everybody a point to about 100 m. */
async function keepPlace(
  spaceId: string,
  proof: Schemas["ProofOut"],
  area: string,
  way: string,
): Promise<void> {
  await ask(
    client.PUT("/v1/spaces/{spaceId}/private", {
      params: { path: { spaceId } },
      body: {
        address: proof.address,
        salt: proof.addressSalt,
        point: proof.point,
        level: "",
        instructions: way,
        access: [{ kind: "lock", instructions: "" }],
        publicPoint: rough(proof.point),
        publicArea: area,
      },
    }),
  );
}
