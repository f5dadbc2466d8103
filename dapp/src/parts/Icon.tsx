/** Line icons, 24 by 24, drawn here; they never carry meaning alone. */
const PATHS = {
  park: "M6 21V4h7a5 5 0 0 1 0 10H6",
  leases: "M5 4h14v16l-3-2-2 2-2-2-2 2-2-2-3 2zM8 9h8M8 13h5",
  share: "M3 11l9-7 9 7v9h-6v-6H9v6H3z",
  audit: "M12 3l8 3v6c0 5-3.500 8-8 9-4.500-1-8-4-8-9V6zM8.500 12l2.500 2.500 4.500-5",
  account: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
  lookAuto: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  lookLight:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500L19 19M5 19l1.500-1.500M17.500 6.500L19 5",
  lookDark: "M20 14a8 8 0 1 1-10-10 6.500 6.500 0 0 0 10 10z",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2">
      <path d={PATHS[name]} stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
