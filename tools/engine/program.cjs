"use strict";
const { dirname, join } = require("node:path");
const { checkoutProblem } = require("../checkout.cjs");

/*
 * The Pulumi program (`main` in package.json): the compiled `index.ts`, if it is compiled from today's sources. Plain
 * `pulumi up` compiles nothing, and must never run old code unnoticed.
 */

const root = dirname(dirname(__dirname));
const problem = checkoutProblem(root);
if (problem !== undefined) {
    const { RunError } = require("@pulumi/pulumi");
    // Shown without a stack trace.
    throw new RunError(problem);
}
module.exports = require(join(root, "dist", "index.js"));
