import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Notice } from "../parts/Notice";
import { dismiss, sheetOpen } from "../wallet/connect";
import { words } from "../words";

/** The sheet for signing in, loaded when it is first wanted. */
export function Connecting() {
  const [loaded, setLoaded] = useState<{ Sheet: FunctionComponent } | null>(null);
  const [failed, setFailed] = useState(false);
  const open = sheetOpen.value;
  useEffect(() => {
    if (!open || loaded) return;
    setFailed(false);
    import("../wallet/ConnectSheet").then(
      (found) => setLoaded({ Sheet: found.ConnectSheet }),
      () => {
        setFailed(true);
        dismiss();
      },
    );
  }, [open, loaded]);
  if (failed) return <Notice tone="bad" title={words.value.common.failed} />;
  return open && loaded ? <loaded.Sheet /> : null;
}
