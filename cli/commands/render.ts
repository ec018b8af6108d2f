import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassthroughError } from "../../lib/errors/errors";
import { type Command, EXIT_OK } from "../command";
import { parseOptions, stackOf } from "../terminal/options";
import { print } from "../terminal/output";
import { stackOutputs } from "../stack/pulumi-stack";
import { RENDERED_FILES, type RenderedOutputs, renderedOutputs } from "./rendered-files";

const HELP = `usage: npm run -s passthrough -- render --stack STACK [--out FOLDER]

Writes what a cluster needs, from the stack's outputs, as files ready for GitOps:

${RENDERED_FILES.map(({ name, what }) => `  ${name.padEnd(25)} ${what}`).join("\n")}

A file that has nothing to say is not written, and taken away if an earlier run wrote it.

  --stack STACK   the stack (default: $PULUMI_STACK, else dev)
  --out FOLDER    where to (default: out/STACK)
  --json          the written paths as JSON

The pull secret is not written: npm run -s pulumi -- stack output pullSecret --show-secrets
Exit codes: 0 done, 1 failed, 2 wrong usage.`;

const OPTIONS = { stack: { type: "string" }, out: { type: "string" }, json: { type: "boolean" } } as const;

export const renderCommand: Command = {
    name: "render",
    summary: "write what a cluster needs as files: mirror rules, catalogs, signatures",
    help: HELP,
    run,
};

async function run(args: readonly string[]): Promise<number> {
    const values = parseOptions(args, OPTIONS, HELP);
    const stack = stackOf(values.stack);
    const folder = values.out ?? join("out", stack);
    const outputs = await renderable(stack);
    await mkdir(folder, { recursive: true });
    const paths: string[] = [];
    for (const { name, output, always } of RENDERED_FILES) {
        const path = join(folder, name);
        if (always || outputs[output] !== "") paths.push(await writeWhole(path, outputs[output]));
        else await rm(path, { force: true });
    }
    print(values.json === true ? JSON.stringify({ files: paths }) : `written: ${paths.join(", ")}`);
    return EXIT_OK;
}

async function renderable(stack: string): Promise<RenderedOutputs> {
    const parsed = renderedOutputs.safeParse(await stackOutputs(stack));
    if (parsed.success) return parsed.data;
    throw new PassthroughError(`stack ${stack} has no outputs to render`, {
        code: "STACK_OUTPUTS",
        fix: "run `npm run up` for this stack first",
    });
}

/** A reader never sees half a file. */
async function writeWhole(path: string, content: string): Promise<string> {
    const temporary = `${path}.new`;
    await writeFile(temporary, content);
    await rename(temporary, path);
    return path;
}
