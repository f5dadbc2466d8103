import { useState } from "preact/hooks";
import { ask, client } from "../api/client";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Field } from "../parts/Field";
import { useFirstWrong } from "../parts/useFirstWrong";
import { requireAccount } from "../wallet";
import { words } from "../words";
import { ChargerField, plugFor } from "./ChargerField";
import { titleOf, wordsIn, type Words } from "./papers";
import type { Papers } from "./Register";

const NOTHING: Words = { holder: null, lock: null, title: null };

/** The title by its city and number: the register gives it to whom a verifier has attested. */
export function FromRegister({ onPapers }: { onPapers: (papers: Papers) => Promise<void> }) {
  const w = words.value.owner.register.registry;
  const [city, setCity] = useState("");
  const [number, setNumber] = useState("");
  const [power, setPower] = useState(0);
  const [given, setGiven] = useState(NOTHING);
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [form, lookAtWrong] = useFirstWrong<HTMLElement>();
  const title = titleOf(city, number);
  const named = titleOf(city, "0") !== null;
  const missing = !given.holder ? w.noHolder : !given.lock ? w.noLock : null;

  async function read(files: FileList | null): Promise<void> {
    const said = await Promise.all([...(files ?? [])].map(contentOf));
    const found = wordsIn(said);
    setGiven(found);
    setError(null);
    const [code, index] = found.title?.split("/") ?? [];
    if (code && index && titleOf(code, index)) {
      setCity(code);
      setNumber(index);
    }
  }
  async function take(): Promise<void> {
    setTried(true);
    setError(null);
    const { holder, lock } = given;
    if (!title || !holder || !lock) return lookAtWrong();
    try {
      await requireAccount();
      const proof = await ask(client.POST("/v1/titles/proof", { body: { ...title, holder } }));
      const registration = {
        title: proof.title,
        proof: proof.proof,
        holder,
        lock,
        connectors: plugFor(power),
        powerW: power,
      };
      await onPapers({ registration, proof });
    } catch (reason) {
      setError(reason);
    }
  }
  return (
    <section class="card stack" ref={form}>
      <h2>{w.title}</h2>
      <p class="soft">{w.text}</p>
      <Field label={w.files} hint={w.filesHint} wrong={tried ? missing : null}>
        {(input) => (
          <input
            {...input}
            type="file"
            multiple
            accept="application/json,.json"
            onChange={(event) => read(event.currentTarget.files)}
          />
        )}
      </Field>
      <Field label={w.city} hint={w.cityHint} wrong={tried && !named ? w.noCity : null}>
        {(input) => (
          <input
            {...input}
            maxLength={6}
            autocomplete="off"
            spellcheck={false}
            value={city}
            onInput={(event) => setCity(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label={w.number} wrong={tried && named && !title ? w.noNumber : null}>
        {(input) => (
          <input
            {...input}
            maxLength={10}
            inputMode="numeric"
            autocomplete="off"
            value={number}
            onInput={(event) => setNumber(event.currentTarget.value)}
          />
        )}
      </Field>
      <ChargerField power={power} onChange={setPower} />
      <Failure error={error} onRetry={take} />
      <Button kind="main wide" onPress={take} busy={words.value.owner.register.checking}>
        {w.take}
      </Button>
    </section>
  );
}

/** What a file holds; nothing where it is no JSON. */
async function contentOf(file: File): Promise<unknown> {
  try {
    return JSON.parse(await file.text());
  } catch {
    return null;
  }
}
