import { useState } from "preact/hooks";
import { ask, client } from "../api/client";
import { config } from "../config";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { requireAccount } from "../wallet";
import { words } from "../words";
import { ChargerField, plugFor } from "./ChargerField";
import { FromRegister } from "./FromRegister";
import { registrationIn } from "./papers";
import type { Papers } from "./Register";

/** Where the papers come from: a file, or on a local chain the test registry. */
export function PapersForm({ onPapers }: { onPapers: (papers: Papers) => Promise<void> }) {
  return (
    <>
      {config.value?.local?.titles && <TestPapers onPapers={onPapers} />}
      <FromRegister onPapers={onPapers} />
      <FromFile onPapers={onPapers} />
    </>
  );
}

function TestPapers({ onPapers }: { onPapers: (papers: Papers) => Promise<void> }) {
  const w = words.value.owner.register;
  const [power, setPower] = useState(0);
  const [error, setError] = useState<unknown>(null);

  async function take(): Promise<void> {
    setError(null);
    try {
      await requireAccount();
      const near = config.value?.places[0]?.point;
      const found = await ask(
        client.POST("/v1/local/papers", {
          body: {
            near: near ?? null,
            connectors: plugFor(power),
            powerW: power,
          },
        }),
      );
      await onPapers(found);
    } catch (reason) {
      setError(reason);
    }
  }
  return (
    <section class="card stack">
      <h2>{w.test}</h2>
      <Notice tone="warn">{w.testText}</Notice>
      <ChargerField power={power} onChange={setPower} />
      <Failure error={error} onRetry={take} />
      <Button kind="main wide" onPress={take} busy={w.checking}>
        {w.testTake}
      </Button>
    </section>
  );
}

function FromFile({ onPapers }: { onPapers: (papers: Papers) => Promise<void> }) {
  const w = words.value.owner.register;
  const [wrong, setWrong] = useState(false);

  async function read(file: File | undefined): Promise<void> {
    setWrong(false);
    if (!file) return;
    try {
      const said: unknown = JSON.parse(await file.text());
      const registration = registrationIn(said);
      if (!registration) throw new Error("no registration");
      await onPapers({ registration, proof: null });
    } catch {
      setWrong(true);
    }
  }
  return (
    <section class="card stack">
      <h2>{w.file}</h2>
      <Field label={w.fileLabel} hint={w.fileHint} wrong={wrong ? w.fileWrong : null}>
        {(input) => (
          <input
            {...input}
            type="file"
            accept="application/json,.json"
            onChange={(event) => void read(event.currentTarget.files?.[0])}
          />
        )}
      </Field>
    </section>
  );
}
