"use strict";
const { dirname, join } = require("node:path");
const { setImmediate } = require("node:timers/promises");
const { checkoutProblem } = require("../checkout.cjs");

/*
 * The Pulumi program: the compiled `index.ts`, if it is compiled from today's sources. Plain `pulumi up` compiles nothing,
 * and must never run old code unnoticed. Pulumi takes the default of `exports` in package.json, which is this; Node.js does not.
 */

/** Turns of the event loop until a call is on its connection. */
const TURNS = 5;

const root = dirname(dirname(__dirname));
const problem = checkoutProblem(root);
if (problem !== undefined) {
    const { RunError } = require("@pulumi/pulumi");
    // Shown without a stack trace.
    throw new RunError(problem);
}

module.exports = async () => {
    keepMarksUnmapped();
    await startProviders();
    return compiled("index.js");
};

/**
 * The engine starts the process of the providers when something asks for it first. This asks before the program is loaded, so
 * that both are loaded at once, with a call that the provider rejects. With the process the engine writes the configuration
 * into the state, and to whatever PULUMI_DEBUG_PROVIDERS names. So it is asked only where the environment is accepted, in a
 * preview, which writes no state, or after one, in which the program has accepted the configuration.
 */
async function startProviders() {
    const { runtime } = require("@pulumi/pulumi");
    const { followsPreview } = compiled("dynamic-providers/lifecycle/preceding-preview.js");
    if (!isSafeEnvironment() || (!runtime.isDryRun() && !followsPreview())) return;
    runtime.invoke("pulumi-nodejs:dynamic:start", {}).catch(() => undefined);
    // Loading the program would hold the call back.
    for (let turn = 0; turn < TURNS; turn++) await setImmediate();
}

/** If not, the program says why. */
function isSafeEnvironment() {
    try {
        compiled("lib/distribution/http/tls-environment.js").requireSafeEnvironment();
        return true;
    } catch {
        return false;
    }
}

/** @param {string} file below `dist/` */
function compiled(file) {
    return require(join(root, "dist", file));
}

/**
 * The SDK notes where each of its promises was made, as the stack of an error without a message, and looks each line of it up
 * in the source maps, which nobody reads here. Errors that say something are shown with their TypeScript lines.
 */
function keepMarksUnmapped() {
    const mapped = Error.prepareStackTrace;
    if (mapped === undefined) return;
    Error.prepareStackTrace = (error, calls) =>
        error.message === "" ? [error, ...calls].join("\n    at ") : mapped(error, calls);
}
