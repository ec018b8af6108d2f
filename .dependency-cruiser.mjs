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
            from: {},
            to: { circular: true },
        },
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
