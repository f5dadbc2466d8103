import { Button } from "../parts/Button";
import { Notice } from "../parts/Notice";
import { When } from "../parts/When";
import { words } from "../words";
import { dateTime } from "../words/format";
import type { Kept } from "./kept";
import { Address } from "./Place";

/** Without a network: what was kept of an active lease. */
export function KeptCopy({ kept, onRetry }: { kept: Kept; onRetry: () => void }) {
  const w = words.value.lease.offline;
  const known = kept.grant?.state === "acknowledged";
  return (
    <div class="stack" data-where="lease" data-state="offline">
      <Notice tone="warn" title={w.title}>
        <p>{w.text(dateTime(kept.keptAt, kept.zone ?? undefined))}</p>
        <Button onPress={onRetry}>{words.value.common.retry}</Button>
      </Notice>
      <p class="when">
        <When
          at={kept.window.start}
          until={kept.window.end}
          {...(kept.zone ? { zone: kept.zone } : {})}
        />
      </p>
      <Address place={kept.navigation} />
      <p data-where="lease" data-state={known ? "grant-acknowledged" : "grant-missing"}>
        {known ? w.grant : w.noGrant}
      </p>
    </div>
  );
}
