"use strict";
const Module = require("node:module");

/*
 * Pulumi's SDK loads the TypeScript compiler with everything else, for the serialization of closures. A provider process
 * serializes none, and the compiler is a third of the CPU time of its start and 40 MB of its memory: here it is loaded when
 * something of it is read.
 */

const file = require.resolve("@pulumi/pulumi/typescript-shim");
const placeholder = new Module(file, module);
placeholder.filename = file;
placeholder.loaded = true;
placeholder.exports = new Proxy({}, { get: (_, name) => compiler()[name] });
require.cache[file] = placeholder;

/** @returns {Record<string | symbol, unknown>} */
function compiler() {
    if (require.cache[file] === placeholder) Reflect.deleteProperty(require.cache, file);
    return require(file);
}
