"use strict";
const Module = require("node:module");

/*
 * Pulumi's SDK loads, with everything else, the TypeScript compiler and npm's reader of node_modules, for the serialization
 * of closures and the packages that these need. Nothing here serializes closures (dynamic-providers/lifecycle), and the two
 * are much of the CPU time and memory of a start: here each is loaded when something of it is read.
 */

const sdk = Module.createRequire(require.resolve("@pulumi/pulumi"));
for (const name of ["./typescript-shim", "@npmcli/arborist"]) loadWhenUsed(sdk.resolve(name));

/** @param {string} file */
function loadWhenUsed(file) {
    const placeholder = new Module(file, module);
    placeholder.filename = file;
    placeholder.loaded = true;
    const loaded = () => {
        if (require.cache[file] === placeholder) Reflect.deleteProperty(require.cache, file);
        return require(file);
    };
    // A function: the real one may be called and constructed.
    placeholder.exports = new Proxy(function () {}, {
        // Compiled imports ask for this mark first; without it they would copy every export.
        get: (_, name) => (name === "__esModule" ? true : loaded()[name]),
        has: (_, name) => name in loaded(),
        apply: (_, self, args) => Reflect.apply(loaded(), self, args),
        construct: (_, args) => Reflect.construct(loaded(), args),
    });
    require.cache[file] = placeholder;
}
