// Preloaded into Ganache (NODE_OPTIONS=--require): notes every instruction that its EVM carries out, of
// transactions and calls, reverted ones and constructors too. $BERTH_COVERAGE_LOG is a folder; each process
// writes a file in it:
//     code <id> <hex>          code seen for the first time, as it runs: immutables and arguments filled in
//     <id> <pc> <what>         1 carried out, 2 JUMPI that jumped, 4 JUMPI that did not; each once
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const Module = require("module");
const path = require("path");

const HOOK = "async _runStepHook(e,a){";
const JUMPI = 0x57;

const seenBuffers = new WeakMap();
const seenHashes = new Map();
let file;
let lines = [];

// Brownie ends Ganache with SIGKILL. A microtask runs before any answer leaves, so nothing is lost.
function write(line) {
  if (lines.push(line) === 1)
    queueMicrotask(() => {
      file ??= fs.openSync(path.join(process.env.BERTH_COVERAGE_LOG, `${process.pid}.log`), "a");
      fs.writeSync(file, lines.join(""));
      lines = [];
    });
}

function flagsOf(code) {
  const hash = crypto.createHash("sha256").update(code).digest("hex");
  let flags = seenHashes.get(hash);
  if (!flags) {
    flags = { id: seenHashes.size, at: new Uint8Array(code.length + 1) };
    seenHashes.set(hash, flags);
    write(`code ${flags.id} ${Buffer.from(code).toString("hex")}\n`);
  }
  seenBuffers.set(code, flags);
  return flags;
}

globalThis.berthStep = (state) => {
  const { id, at } = seenBuffers.get(state.code) ?? flagsOf(state.code);
  const pc = state.programCounter;
  let what = 1;
  if (state.opCode === JUMPI) {
    const stack = state.stack._store;
    what = stack[stack.length - 2] === 0n ? 4 : 2;
  }
  if (at[pc] & what) return;
  at[pc] |= what;
  write(`${id} ${pc} ${what}\n`);
};

const load = Module._extensions[".js"];
Module._extensions[".js"] = (module, name) => {
  if (!/[\\/]ganache[\\/]dist[\\/]node[\\/]0\.js$/.test(name)) return load(module, name);
  const parts = fs.readFileSync(name, "utf8").split(HOOK);
  // another Ganache than the one in package-lock.json: nothing would be measured, and nobody would know
  if (parts.length !== 2) throw new Error(`coverage: ${HOOK} is not once in ${name}`);
  // Brownie has no setting for it: without optimisation the creation code is above the limit of EIP-3860
  process.argv.push("--chain.allowUnlimitedInitCodeSize", "true");
  module._compile(parts.join(`${HOOK}globalThis.berthStep(this._runState);`), name);
};
