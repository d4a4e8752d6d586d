// Runs the tests of a port in AssemblyScript: `node run-tests.mjs TESTS.wasm`, in the port's folder. Every function that
// the module exports is a test, and fails where it aborts.

import { readFileSync } from "node:fs";
import test from "node:test";

const compiled = new WebAssembly.Module(readFileSync(process.argv[2]));
let memory;
let opened = new Uint8Array();
let logged = "";

const text = (address, size) => new TextDecoder().decode(new Uint8Array(memory.buffer, address, size));

const provided = {
  testing: {
    open(path, size) {
      opened = readFileSync(text(path, size));
      return opened.length;
    },
    read(into) {
      new Uint8Array(memory.buffer).set(opened, into);
    },
  },
  env: {
    proxy_log(level, address, size) {
      logged += `${text(address, size)}\n`;
      return 0;
    },
  },
};

// Whatever else a module asks of the host is not there in a test: it is told by its name.
const imports = {};
for (const { module, name } of WebAssembly.Module.imports(compiled)) {
  imports[module] ??= {};
  imports[module][name] = provided[module]?.[name] ?? (() => { throw new Error(`called ${module}.${name}`); });
}

const tests = WebAssembly.Module.exports(compiled).filter(({ kind, name }) => kind === "function" && !name.startsWith("__"));
if (tests.length === 0) throw new Error("there is no test");
for (const { name } of tests) {
  test(name.replaceAll("_", " "), () => {
    logged = "";
    const { exports } = new WebAssembly.Instance(compiled, imports);
    memory = exports.memory;
    try {
      exports[name]();
    } catch (error) {
      throw logged === "" ? error : new Error(logged, { cause: error });
    }
  });
}
