"use strict";
const Module = require("node:module");

/*
 * Packages load much that nothing here uses: Pulumi's SDK the TypeScript compiler and npm's reader of node_modules for the
 * serialization of closures (dynamic-providers/lifecycle needs none), its Automation API, and what traces to Zipkin; zod its
 * messages in all languages. Here each is loaded when something of it is read, since every command starts program and
 * providers anew.
 */

const sdk = Module.createRequire(require.resolve("@pulumi/pulumi"));
const zipkin = [
    "exporter-zipkin",
    "instrumentation",
    "instrumentation-grpc",
    "resources",
    "sdk-trace-base",
    "sdk-trace-node",
];

for (const name of [
    "./typescript-shim",
    "@npmcli/arborist",
    "normalize-package-data",
    "js-yaml",
    "./automation",
    ...zipkin.map((name) => `@opentelemetry/${name}`),
]) {
    loadWhenUsed(sdk.resolve(name));
}
loadWhenUsed(require.resolve("zod/v4/locales"));

/** @param {string} file */
function loadWhenUsed(file) {
    const placeholder = new Module(file, module);
    placeholder.filename = file;
    placeholder.loaded = true;
    const loaded = () => {
        if (require.cache[file] === placeholder) Reflect.deleteProperty(require.cache, file);
        return require(file);
    };
    /** @param {string | symbol} name */
    const exported = (name) => {
        // Compiled imports ask for this mark first; without it they would copy every export.
        if (name === "__esModule") return true;
        const real = loaded();
        // With the mark, the default of a module that has none is asked for: it is the module.
        return name === "default" && !real.__esModule ? real : real[name];
    };
    // A function: the real one may be called and constructed. Its own `prototype` has to be among what is listed.
    placeholder.exports = new Proxy(function () {}, {
        get: (_, name) => exported(name),
        has: (_, name) => name === "prototype" || name in loaded(),
        ownKeys: () => [...new Set([...Reflect.ownKeys(loaded()), "prototype"])],
        getOwnPropertyDescriptor: (target, name) => {
            if (name === "prototype") return Reflect.getOwnPropertyDescriptor(target, name);
            const own = Reflect.getOwnPropertyDescriptor(loaded(), name);
            // A proxy may not say of a property that its target lacks that it stays as it is.
            return (
                own && {
                    value: exported(name),
                    writable: true,
                    enumerable: own.enumerable === true,
                    configurable: true,
                }
            );
        },
        apply: (_, self, args) => Reflect.apply(loaded(), self, args),
        construct: (_, args) => Reflect.construct(loaded(), args),
    });
    require.cache[file] = placeholder;
}
