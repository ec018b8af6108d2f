/**
 * Cycles that are there today, each as the list of its files. They are to be resolved, and nothing is to be added here.
 * A cycle is accepted only if it consists of just these files.
 */
const accepted = [["lib/distribution/auth/body-refusals.ts", "lib/distribution/client/registry-session.ts"]];

/** @param {string[]} files @returns {string} a pattern for exactly these */
const exactly = (files) => `^(${files.map((file) => file.replaceAll(".", "\\.")).join("|")})$`;

/**
 * Import cycles are errors, also if they consist of types only.
 *
 * @type {import("dependency-cruiser").IConfiguration}
 */
export default {
    forbidden: [
        {
            name: "no-cycles",
            severity: "error",
            from: { pathNot: exactly(accepted.flat()) },
            to: { circular: true },
        },
        ...accepted.map((files) => ({
            name: "no-cycles",
            severity: /** @type {const} */ ("error"),
            from: { path: exactly(files) },
            to: { circular: true, via: { pathNot: exactly(files) } },
        })),
    ],
    options: {
        doNotFollow: { path: "^node_modules/" },
        exclude: { path: "^(dist|out|\\.local)/" },
        // Imports of types disappear when TypeScript is compiled; in JavaScript they are in JSDoc.
        tsPreCompilationDeps: true,
        detectJSDocImports: true,
        parser: "tsc",
        tsConfig: { fileName: "tsconfig.json" },
    },
};
