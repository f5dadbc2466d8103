import { Component, type ComponentChildren } from "preact";
import { Notice } from "../parts/Notice";
import { words } from "../words";

/** A screen that breaks takes only itself away; the next screen begins anew. */
export class Boundary extends Component<{ path: string; children: ComponentChildren }> {
  override state: { error: unknown; path: string } = { error: null, path: "" };

  override componentDidCatch(error: unknown): void {
    this.setState({ error, path: this.props.path });
  }

  override render() {
    const { error, path } = this.state;
    if (error !== null && path === this.props.path)
      return <Broken text={words.value.common.broken} />;
    return this.props.children;
  }
}

/** What stands where something could not be shown. */
export function Broken({ text }: { text: string }) {
  const w = words.value.common;
  return (
    <Notice tone="bad" title={text}>
      <p>
        <button type="button" class="button" onClick={() => location.reload()}>
          {w.reload}
        </button>
      </p>
    </Notice>
  );
}
