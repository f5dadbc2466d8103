import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { words } from "../words";
import { refusedFields, type FilterField } from "./filter";

/** What is wrong with a field of the filter, in the app's own words. */
export function wrongIn(error: unknown, field: FilterField): string | undefined {
  const fault = refusedFields(error)[field];
  if (!fault) return undefined;
  const w = words.value.audit.wrong;
  return fault === "checksum" ? w.checksum : w[field];
}

/** Why nothing is shown: the fields that the filter is refused for, by their labels. */
export function FilterFailure({ error, onRetry }: { error: unknown; onRetry: () => unknown }) {
  const w = words.value.audit;
  const fields = Object.keys(refusedFields(error)) as FilterField[];
  if (fields.length === 0) return <Failure error={error} onRetry={onRetry} />;
  return (
    <Notice tone="bad" title={w.wrong.title}>
      <ul>
        {fields.map((field) => (
          <li key={field}>{w.wrong.named(w[field], wrongIn(error, field) ?? "")}</li>
        ))}
      </ul>
    </Notice>
  );
}
