import L from "leaflet";
import "leaflet/dist/leaflet.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { config } from "../../config";
import { words } from "../../words";
import type { LngLat } from "../wish";
import { grid, north } from "./plain";
import { around, spread } from "./marks";
import type { MapProps, Mark } from "./Map";

/** Half of the widest label, and of its height with a little air: none is cut off at the edge. */
const ROOM = { x: 78, y: 22 };
/** Between a label and the edge, or the controls. */
const AIR = 4;

/** Streets where the operator has tiles and they come; else a plain map with a grid, a scale and north. */
export function LeafletMap(props: MapProps) {
  const { center, radius, marks, selected, onPick } = props;
  const place = useRef<HTMLDivElement>(null);
  const map = useRef<L.Map | null>(null);
  const icons = useRef(new Map<string, L.Marker>());
  // the map is made once: what it needs later it finds here
  const latest = useRef(props);
  latest.current = props;
  const picking = onPick !== undefined;
  const tiles = config.value?.tilesUrl ?? null;
  const [plain, setPlain] = useState(tiles === null);
  const w = words.value.driver.map;

  useEffect(() => {
    if (!place.current) return;
    const names = words.value.driver.map;
    const made = L.map(place.current, {
      zoomControl: false,
      attributionControl: false,
      // pictures of streets are sharp in whole steps only; without them the view fits closely
      zoomSnap: tiles ? 1 : 0.25,
    });
    map.current = made;
    // under the streets too: where a picture does not come, it is to be seen
    grid().addTo(made);
    if (tiles) {
      const makers = document.createElement("span");
      makers.textContent = config.value?.tilesAttribution ?? "";
      const streets = L.tileLayer(tiles, { maxZoom: 19, attribution: makers.outerHTML });
      L.control.attribution({ prefix: false }).addTo(made);
      streets.on("tileerror", () => setPlain(true));
      streets.on("tileload", () => setPlain(false));
      streets.addTo(made);
    }
    const zoom = { zoomInTitle: names.zoomIn, zoomOutTitle: names.zoomOut };
    L.control.zoom({ ...zoom, position: "bottomleft" }).addTo(made);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(made);
    north(names.north, names.northLabel).addTo(made);
    made.setView(latLng(latest.current.center), picking ? 14 : 15);
    const moved = () => {
      const { lng, lat } = made.getCenter().wrap();
      latest.current.onPick?.([lng, lat]);
    };
    // only what a hand did: setting the view here is no choice
    made.on("dragend", moved);
    made.on("keydown", () => made.once("moveend", moved));
    const observer = new ResizeObserver(() => made.invalidateSize());
    observer.observe(place.current);
    return () => {
      observer.disconnect();
      // Leaflet 1.9 ends a zoom by a timer that it does not stop, and then finds no map any more
      Object.assign(made, { _animatingZoom: false });
      made.remove();
      map.current = null;
    };
  }, [tiles, picking]);

  const [lng, lat] = center;
  useEffect(() => {
    const made = map.current;
    if (!made || !radius) return;
    const circle = L.circle([lat, lng], { radius, interactive: false, className: "reach" });
    const dot = L.circleMarker([lat, lng], { radius: 5, interactive: false, className: "wanted" });
    circle.addTo(made);
    dot.addTo(made);
    return () => {
      circle.remove();
      dot.remove();
    };
  }, [lng, lat, radius, picking]);

  // the view fits what is to be seen, anew when that changes
  const seen = JSON.stringify([lng, lat, radius ?? 0, (marks ?? []).map((one) => one.point)]);
  useEffect(() => {
    const made = map.current;
    if (!made || picking) return;
    const shown = latest.current;
    const bounds = L.latLngBounds((shown.marks ?? []).map((one) => latLng(one.point)));
    if (bounds.isValid()) bounds.extend(latLng(shown.center));
    else if (shown.radius) {
      for (const corner of around(shown.center, shown.radius)) bounds.extend(latLng(corner));
    }
    const { x, y } = ROOM;
    if (bounds.isValid()) {
      made.fitBounds(bounds, {
        paddingTopLeft: [x, y],
        paddingBottomRight: [x, y + strip(made)],
        maxZoom: 17,
        animate: false,
      });
    } else made.setView(latLng(shown.center), 14);
  }, [seen, picking]);
  useEffect(() => {
    if (picking && map.current) {
      const middle = map.current.getCenter();
      if (Math.hypot(middle.lat - lat, middle.lng - lng) > 1e-4) map.current.setView([lat, lng]);
    }
  }, [lng, lat, picking]);

  useEffect(() => {
    const made = map.current;
    if (!made) return;
    for (const mark of marks ?? [])
      icons.current.set(
        mark.id,
        put(made, mark, (id) => latest.current.onSelect?.(id)),
      );
    const kept = icons.current;
    const leaders = L.layerGroup().addTo(made);
    const place = () => apart(made, [...kept.values()], leaders);
    place();
    made.on("zoomend resize", place);
    return () => {
      made.off("zoomend resize", place);
      leaders.remove();
      for (const marker of kept.values()) marker.remove();
      kept.clear();
    };
  }, [marks]);

  useEffect(() => {
    for (const [id, marker] of icons.current) {
      const on = id === selected;
      marker.getElement()?.classList.toggle("selected", on);
      marker.setZIndexOffset(on ? 1000 : 0);
    }
  }, [selected, marks]);

  return (
    <div class="map-frame" data-where="map" data-state={plain ? "plain" : "streets"}>
      <div ref={place} class="map" role="group" aria-label={w.label} />
      {picking && <span class="cross" aria-hidden="true" />}
      {plain && <p class="soft small">{w.plain}</p>}
    </div>
  );
}

/** How high the controls stand along the foot of the map, pixels. */
function strip(map: L.Map): number {
  const box = map.getContainer();
  const controls = [...box.querySelectorAll<HTMLElement>(".leaflet-bottom .leaflet-control")];
  const foot = box.getBoundingClientRect().bottom;
  return Math.max(0, ...controls.map((one) => foot - one.getBoundingClientRect().top));
}

function latLng([lng, lat]: LngLat): L.LatLngTuple {
  return [lat, lng];
}

function put(map: L.Map, mark: Mark, select: (id: string) => void): L.Marker {
  const html = document.createElement("span");
  html.textContent = mark.text;
  const icon = L.divIcon({ className: "price-mark", html, iconSize: [0, 0] });
  const marker = L.marker(latLng(mark.point), { icon, keyboard: true, title: mark.label });
  marker.on("click keypress", (event) => {
    const key = (event as { originalEvent?: KeyboardEvent }).originalEvent?.key;
    if (key === undefined || key === "Enter" || key === " ") select(mark.id);
  });
  marker.addTo(map);
  marker.getElement()?.setAttribute("aria-label", mark.label);
  return marker;
}

/** Labels that would cover each other are moved apart; a line leads from each to its point. */
function apart(map: L.Map, markers: readonly L.Marker[], leaders: L.LayerGroup): void {
  leaders.clearLayers();
  const labels = markers.map((one) => one.getElement()?.querySelector("span") ?? null);
  const points = markers.map((one) => map.latLngToLayerPoint(one.getLatLng()));
  const size = map.getSize();
  const from = map.containerPointToLayerPoint([AIR, AIR]);
  const until = map.containerPointToLayerPoint([size.x - AIR, size.y - AIR - strip(map)]);
  const shifts = spread(
    points.map(({ x, y }, i) => ({
      x,
      y,
      width: labels[i]?.offsetWidth ?? 0,
      height: labels[i]?.offsetHeight ?? 0,
    })),
    { left: from.x, top: from.y, right: until.x, bottom: until.y },
  );
  shifts.forEach(({ x, y }, i) => {
    const [label, point, marker] = [labels[i], points[i], markers[i]];
    if (!label || !point || !marker) return;
    label.style.translate = `${x}px ${y}px`;
    if (Math.hypot(x, y) < 1) return;
    const line = [marker.getLatLng(), map.layerPointToLatLng(point.add([x, y]))];
    L.polyline(line, { interactive: false, className: "leader" }).addTo(leaders);
  });
}
