import { Dismissed } from "../wallet/errors";
import { explain } from "../wallet/explain";
import { words } from "../words";
import { Button } from "./Button";
import { Notice } from "./Notice";

/** An error in words: what happened and what to do. Nothing for a sheet that was only closed. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => unknown }) {
  if (error === null || error === undefined || error instanceof Dismissed) return null;
  const { title, text, retry } = explain(error);
  return (
    <Notice tone="bad" title={title}>
      {text && <p>{text}</p>}
      {retry && onRetry && <Button onPress={onRetry}>{words.value.common.retry}</Button>}
    </Notice>
  );
}
