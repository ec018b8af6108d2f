import { spawn } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "./stack";

/** With this environment Node.js accepts any certificate by default. */
export const UNVERIFIED = { NODE_TLS_REJECT_UNAUTHORIZED: "0" } as const;

/** As `inEnvironment`, with UNVERIFIED. */
export function unverified(body: string, input: unknown): Promise<unknown> {
    return inEnvironment(UNVERIFIED, body, input);
}

/**
 * Runs a script on the compiled library in a process of its own: in jest `process.env` is a copy, which Node.js does not
 * read.
 * @param env added to that of this process
 * @param body of an async function that has `input`, and `lib(path)` for a module below dist/lib
 * @returns what it returned, or the code of what it threw
 */
export async function inEnvironment(env: NodeJS.ProcessEnv, body: string, input: unknown): Promise<unknown> {
    const program = `
        const lib = (path) => require(${JSON.stringify(join(PROJECT, "dist/lib"))} + "/" + path);
        const input = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
        const run = async () => { ${body} };
        run().catch((error) => error.code ?? String(error)).then((outcome) => {
            process.stdout.write(JSON.stringify(outcome ?? null), () => process.exit());
        });`;
    const child = spawn(process.execPath, ["-e", program], {
        env: { ...process.env, ...env, NODE_NO_WARNINGS: "1" },
        stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.end(JSON.stringify(input));
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
    await new Promise((resolve) => child.once("close", resolve));
    return JSON.parse(out);
}
