import { spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const TOOLS = join(__dirname, "..", "..", "..", "tools");

/** What a function of tools/ gave: its value, or the message of its error. */
export interface Outcome {
    readonly value?: unknown;
    readonly error?: string;
    /** What it said meanwhile. */
    readonly stderr: string;
}

/**
 * Calls functions of a script in a process of its own, as `npm run` would: jest's CommonJS cannot import them.
 * @param body of an async function that has the module as `m` and `input`
 */
export async function inModule(
    script: string,
    body: string,
    input: unknown,
    env: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
    const program = [
        `import * as m from ${JSON.stringify(pathToFileURL(join(TOOLS, script)).href)};`,
        'let text = "";',
        "for await (const chunk of process.stdin) text += chunk;",
        "const input = JSON.parse(text);",
        `const run = async () => { ${body} };`,
        "const outcome = await run().then((value) => ({ value }), (error) => ({ error: error.message }));",
        "process.stdout.write(JSON.stringify(outcome));",
    ].join("\n");
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
        env: { ...process.env, ...env },
        stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.end(JSON.stringify(input ?? null));
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString("utf8")));
    await new Promise((resolve) => child.once("close", resolve));
    if (output.stdout === "") throw new Error(`${script} gave nothing:\n${output.stderr}`);
    const outcome: Pick<Outcome, "value" | "error"> = JSON.parse(output.stdout);
    return { ...outcome, stderr: output.stderr };
}
