#!/usr/bin/env node
// The npm compiler, spoken to as a native solc is by py-solc-x and Brownie: `--version`, and
// `--standard-json` from standard input. Setup links it to $SOLCX_BINARY_PATH/solc-v<version> where no
// native solc can be had. The two give the same bytecode; this one takes about twice as long.
"use strict";

const fs = require("fs");
const path = require("path");

const root = path.resolve(__dirname, "..", "..");
const solc = require(path.join(root, "node_modules", "solc"));

function findImport(file) {
  // Brownie hands over the sources of contracts/; what is asked for here are their dependencies.
  const found = [path.resolve(file), path.join(root, file)].find((name) => fs.existsSync(name));
  return found
    ? { contents: fs.readFileSync(found, "utf8") }
    : { error: `${file} not found; is node_modules complete? Run: make setup` };
}

const flags = process.argv.slice(2);
if (flags.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${solc.version()}`);
} else if (flags.includes("--standard-json")) {
  const output = solc.compile(fs.readFileSync(0, "utf8"), { import: findImport });
  fs.writeFileSync(1, output);
} else {
  console.error("solc (npm): only --version and --standard-json are understood");
  process.exitCode = 2;
}
