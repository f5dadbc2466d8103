/** What makes a map without streets readable. */
import L from "leaflet";

/** A light grid that moves with the map. */
export function grid(): L.GridLayer {
  const Grid = L.GridLayer.extend({
    createTile(): HTMLElement {
      const tile = document.createElement("div");
      tile.className = "map-grid";
      return tile;
    },
  }) as new (options?: L.GridLayerOptions) => L.GridLayer;
  return new Grid({ tileSize: 128 });
}

export function north(text: string, label: string): L.Control {
  const control = new L.Control({ position: "bottomright" });
  control.onAdd = () => {
    const sign = document.createElement("div");
    sign.className = "map-north";
    sign.textContent = `↑ ${text}`;
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", label);
    return sign;
  };
  return control;
}
