"use strict";
const { connect } = require("node:net");
const { dirname, join } = require("node:path");
const { setImmediate } = require("node:timers/promises");
const { checkoutProblem } = require("../checkout.cjs");

/*
 * Loaded before Pulumi's code in a provider process. Refresh and destroy may run providers without the program, so these
 * check the checkout too.
 */

/** What the first operations of every site need. */
const NEEDED = [
    "dynamic-providers/entry.js",
    "dynamic-providers/registry-access/provider.js",
    "lib/distribution/http/transport.js",
    "dynamic-providers/image-import/provider.js",
    "dynamic-providers/mirror-validation/provider.js",
];
/** Turns of the event loop until the engine is told where this process listens. */
const TURNS = 5;

const root = dirname(dirname(__dirname));
const problem = checkoutProblem(root);
if (problem !== undefined) {
    process.stderr.write(`${problem}\n`);
    process.exit(1);
}
require("./parts-when-used.cjs");
// gRPC would look for the engine through the proxy of `https_proxy`; a provider has no other gRPC peer.
process.env.no_grpc_proxy = "127.0.0.1,localhost,::1";
watchEngine();
loadAhead().catch(() => {
    // The operation that needs it fails as well, and is reported.
});

/** Loads code while the engine and the program are not ready: the first operations would wait for it. */
async function loadAhead() {
    for (let turn = 0; turn < TURNS; turn++) await setImmediate();
    for (const file of NEEDED) {
        require(join(root, "dist", file));
        await setImmediate();
    }
}

/**
 * Ends this process when its engine has died, even if that was before the first operation: no other code watches then.
 * SIGTERM lets operations that run by then end in order (dynamic-providers/lifecycle/operations.ts).
 */
function watchEngine() {
    // The engine's address is the last argument of a provider process.
    const port = Number(/:(\d+)$/.exec(process.argv.at(-1) ?? "")?.[1]);
    if (!Number.isInteger(port)) return;
    let refusals = 0;
    const timer = setInterval(() => {
        const socket = connect({ host: "127.0.0.1", port });
        socket.once("connect", () => {
            refusals = 0;
            socket.destroy();
        });
        socket.once("error", () => {
            refusals += 1;
            // One refused connection may be a hiccup.
            if (refusals < 2) return;
            clearInterval(timer);
            process.kill(process.pid, "SIGTERM");
        });
    }, 1000);
    timer.unref();
}
