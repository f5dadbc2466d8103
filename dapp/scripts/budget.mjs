// The first screen's script must stay small: what index.html loads at once, gzipped.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 150 * 1024;
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const seen = new Set();

/** A chunk and all that it imports statically. */
function take(name) {
  const chunk = manifest[name];
  if (!chunk || seen.has(chunk.file)) return;
  seen.add(chunk.file);
  for (const other of chunk.imports ?? []) take(other);
}

take("index.html");
let total = 0;
for (const file of seen) {
  const size = gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length;
  total += size;
  console.log(`${(size / 1024).toFixed(1).padStart(7)} kB gz  ${file}`);
}
console.log(
  `${(total / 1024).toFixed(1).padStart(7)} kB gz  the first screen; the limit is ${LIMIT / 1024} kB`,
);
if (seen.size === 0) throw new Error("budget: index.html is not in the manifest");
if (total > LIMIT) process.exit(1);
