import { useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";
import { words } from "../words";
import { BadPapers, readPapers, type Papers } from "./garage";

/** What a verifier has signed, as a file or as its text. */
export function VerifiersFile({
  account,
  use: label,
  onDone,
}: {
  account: string;
  /** What its button does. */
  use: string;
  onDone: (papers: Promise<Papers>) => Promise<void>;
}) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState<BadPapers["why"] | null>(null);
  const w = words.value.driver.addCar;
  async function use(): Promise<void> {
    setWrong(null);
    try {
      await onDone(Promise.resolve(readPapers(text, account)));
    } catch (error) {
      if (!(error instanceof BadPapers)) throw error;
      setWrong(error.why);
    }
  }
  return (
    <form class="stack" onSubmit={(event) => event.preventDefault()} noValidate>
      <Field label={w.file} hint={w.fileHint}>
        {(input) => (
          <input
            {...input}
            type="file"
            accept=".json,application/json,text/plain"
            onChange={(event) => {
              const [file] = event.currentTarget.files ?? [];
              void file?.text().then(setText);
            }}
          />
        )}
      </Field>
      <Field label={w.text} wrong={wrong && w[wrong]}>
        {(input) => (
          <textarea
            {...input}
            rows={5}
            class="mono"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <Button kind="main wide" type="submit" disabled={!text.trim()} onPress={use} busy={w.adding}>
        {label}
      </Button>
    </form>
  );
}
