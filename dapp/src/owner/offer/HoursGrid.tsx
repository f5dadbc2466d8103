import { useEffect, useRef, useState } from "preact/hooks";
import { words } from "../../words";
import { headed } from "../../words/join";
import { cellOf, clock, DAYS, has, HOURS, moved, paint, set, type Mask } from "./hours";
import { weekdays } from "./said";

const DAY_NUMBERS = Array.from({ length: DAYS }, (_, day) => day);
const HOUR_NUMBERS = Array.from({ length: HOURS }, (_, hour) => hour);

/**
 * The hours of a week, painted: drag over them, or move with the arrows and press space. Shift and
 * an arrow paint on. One cell is in the order of Tab, as in every grid.
 */
export function HoursGrid({
  mask,
  onChange,
  labelledBy,
}: {
  mask: Mask;
  onChange: (mask: Mask) => void;
  labelledBy: string;
}) {
  const w = words.value.offer;
  const names = weekdays("day");
  const brief = weekdays("days");
  const [at, setAt] = useState(cellOf(0, 8));
  const table = useRef<HTMLTableElement>(null);
  const stroke = useRef<{ from: number; on: boolean; before: Mask } | null>(null);
  useEffect(() => {
    const end = () => {
      stroke.current = null;
    };
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
    return () => {
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
    };
  }, []);

  function begin(event: PointerEvent): void {
    const cell = cellAt(event);
    if (cell === null || event.button !== 0 || !event.isPrimary) return;
    stroke.current = { from: cell, on: !has(mask, cell), before: mask };
    setAt(cell);
    onChange(set(mask, cell, !has(mask, cell)));
  }

  function drag(event: PointerEvent): void {
    // a second finger paints nothing
    const cell = stroke.current && event.isPrimary ? cellAt(event) : null;
    if (cell === null || !stroke.current) return;
    onChange(paint(stroke.current.before, stroke.current.from, cell, stroke.current.on));
  }

  function press(event: KeyboardEvent): void {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      onChange(set(mask, at, !has(mask, at)));
      return;
    }
    const next = moved(at, event.key);
    if (next === null) return;
    event.preventDefault();
    if (event.shiftKey) onChange(set(mask, next, has(mask, at)));
    setAt(next);
    table.current?.querySelector<HTMLElement>(`[data-cell="${next}"]`)?.focus();
  }

  function wholeDay(day: number): void {
    const full = HOUR_NUMBERS.every((hour) => has(mask, cellOf(day, hour)));
    onChange(paint(mask, cellOf(day, 0), cellOf(day, HOURS - 1), !full));
  }

  return (
    <table
      ref={table}
      class="hours"
      role="grid"
      aria-labelledby={labelledBy}
      aria-multiselectable="true"
      onPointerDown={begin}
      onPointerMove={drag}
      onKeyDown={press}
    >
      <thead>
        <tr>
          <td />
          {DAY_NUMBERS.map((day) => (
            <th key={day} scope="col">
              <button
                type="button"
                title={w.grid.wholeDay(names[day] ?? "")}
                onClick={() => wholeDay(day)}
                onKeyDown={(event) => event.stopPropagation()}
              >
                <span aria-hidden="true">{brief[day]}</span>
                <span class="quiet">{w.grid.wholeDay(names[day] ?? "")}</span>
              </button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {HOUR_NUMBERS.map((hour) => (
          <tr key={hour}>
            <th scope="row">{clock(hour)}</th>
            {DAY_NUMBERS.map((day) => {
              const cell = cellOf(day, hour);
              const on = has(mask, cell);
              const when = w.grid.cell(names[day] ?? "", clock(hour), clock(hour + 1));
              return (
                <td
                  key={day}
                  role="gridcell"
                  tabIndex={cell === at ? 0 : -1}
                  aria-selected={on}
                  aria-label={headed(when, on ? w.grid.shared : w.grid.notShared)}
                  data-cell={cell}
                  onFocus={() => setAt(cell)}
                >
                  <span aria-hidden="true">{on ? "✓" : ""}</span>
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function cellAt(event: PointerEvent): number | null {
  const under = document.elementFromPoint(event.clientX, event.clientY);
  const cell = under?.closest("[data-cell]")?.getAttribute("data-cell");
  return cell === null || cell === undefined ? null : Number(cell);
}
