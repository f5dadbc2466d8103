/// <reference types="vitest/config" />
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

/** A file that the service worker keeps: names in assets/ change with their content. */
interface Kept {
  url: string;
  revision: string | null;
}

const NAMED_BY_CONTENT = /^assets\//;
const LIST = "self.__BERTH_FILES";

function digest(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

/** The service worker's list of files: everything that was built or copied, index.html included. */
function precache(): Plugin {
  return {
    name: "berth-precache",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("precache: there is no sw.js");
      if (worker.imports.length > 0) throw new Error("precache: sw.js must be one file");
      if (!worker.code.includes(LIST)) throw new Error(`precache: sw.js does not ask for ${LIST}`);
      const files: Kept[] = [];
      for (const [name, one] of Object.entries(bundle)) {
        // what begins with a dot is not served
        if (name === "sw.js" || name.startsWith(".") || name.endsWith(".map")) continue;
        const content = one.type === "chunk" ? one.code : one.source;
        const revision = NAMED_BY_CONTENT.test(name) ? null : digest(content);
        files.push({ url: `/${name}`, revision });
      }
      for (const name of readdirSync("public")) {
        files.push({ url: `/${name}`, revision: digest(readFileSync(`public/${name}`)) });
      }
      if (!files.some((one) => one.url === "/index.html")) {
        throw new Error("precache: there is no index.html");
      }
      worker.code = worker.code.replace(LIST, () => JSON.stringify(files));
    },
  };
}

export default defineConfig({
  plugins: [precache()],
  build: {
    target: "es2022",
    manifest: true,
    rollupOptions: {
      input: { app: "index.html", sw: "src/offline/sw.ts" },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8000", "/status": "http://127.0.0.1:8000" } },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"] },
});
