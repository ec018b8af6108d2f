import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { PassthroughError } from "../lib/oci/errors";
import { type Command, EXIT_OK } from "./command";
import { parseOptions } from "./options";
import { print } from "./output";
import { stackOutputs } from "./pulumi-stack";

const HELP = `usage: npm run -s passthrough -- render --stack STACK [--out FOLDER]

Writes what a cluster needs, from the stack's outputs, as files ready for GitOps:

  mirror-rules.yaml   the mirror objects (IDMS and ITMS, or an ICSP on old versions)
  registries.conf     what a node makes of them; also for podman, skopeo and MicroShift
  ca.crt              the CA of the registry's certificate

  --stack STACK   the stack (default: dev)
  --out FOLDER    where to (default: out/STACK)
  --json          the written paths as JSON

The pull secret is not written: npm run -s pulumi -- stack output pullSecret --show-secrets
Exit codes: 0 done, 1 failed, 2 wrong usage.`;

const outputsSchema = z.object({ mirrorRules: z.string(), registriesConf: z.string(), registryCa: z.string() });

const OPTIONS = { stack: { type: "string" }, out: { type: "string" }, json: { type: "boolean" } } as const;

export const renderCommand: Command = {
    name: "render",
    summary: "write a stack's mirror rules, registries.conf and CA as files",
    help: HELP,
    run,
};

async function run(args: readonly string[]): Promise<number> {
    const values = parseOptions(args, OPTIONS, HELP);
    const stack = values.stack ?? "dev";
    const folder = values.out ?? join("out", stack);
    const outputs = await renderable(stack);
    await mkdir(folder, { recursive: true });
    const files: readonly [name: string, content: string][] = [
        ["mirror-rules.yaml", outputs.mirrorRules],
        ["registries.conf", outputs.registriesConf],
        ["ca.crt", outputs.registryCa],
    ];
    const paths: string[] = [];
    for (const [name, content] of files) paths.push(await writeWhole(join(folder, name), content));
    print(values.json === true ? JSON.stringify({ files: paths }) : `written: ${paths.join(", ")}`);
    return EXIT_OK;
}

async function renderable(stack: string): Promise<z.infer<typeof outputsSchema>> {
    const parsed = outputsSchema.safeParse(await stackOutputs(stack));
    if (parsed.success) return parsed.data;
    throw new PassthroughError(`stack ${stack} has no outputs to render`, {
        code: "STACK_OUTPUTS",
        cure: "run `npm run up` for this stack first",
    });
}

/** A reader never sees half a file. */
async function writeWhole(path: string, content: string): Promise<string> {
    const temporary = `${path}.new`;
    await writeFile(temporary, content);
    await rename(temporary, path);
    return path;
}
