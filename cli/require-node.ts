/*
 * The first import of main.ts: what the others load, such as the HTTP client, fails to load on an older Node.js, with an
 * error that names neither version. `engines` in package.json and tools/checkout.cjs have the same minimum.
 */

const MINIMUM = [20, 18, 1] as const;

/** @returns problem and fix; undefined if the version is supported */
function nodeProblem(version: string): string | undefined {
    const parts = version.split(".").map(Number);
    const difference = MINIMUM.map((minimum, index) => (parts[index] ?? 0) - minimum).find((part) => part !== 0);
    if (difference === undefined || difference > 0) return undefined;
    return `Node.js ${MINIMUM.join(".")} or newer is needed, 24 is recommended; this is ${version}: get one from https://nodejs.org/`;
}

const problem = nodeProblem(process.versions.node);
if (problem !== undefined) {
    process.stderr.write(`passthrough: ${problem}\n`);
    process.exit(1);
}
