import { execFile } from "node:child_process";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { z } from "zod";
import { PassthroughError, messageOf } from "../lib/oci/errors";
import { type Command, EXIT_OK, UsageError, print } from "./command";

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

export const renderCommand: Command = {
    name: "render",
    summary: "write a stack's mirror rules, registries.conf and CA as files",
    help: HELP,
    run,
};

async function run(args: readonly string[]): Promise<number> {
    const values = parse(args);
    const stack = values.stack ?? "dev";
    const folder = values.out ?? join("out", stack);
    const outputs = await stackOutputs(stack);
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

function parse(args: readonly string[]) {
    try {
        const options = { stack: { type: "string" }, out: { type: "string" }, json: { type: "boolean" } } as const;
        return parseArgs({ args: [...args], options }).values;
    } catch (error) {
        throw new UsageError(`${messageOf(error)}\n\n${HELP}`);
    }
}

async function stackOutputs(stack: string): Promise<z.infer<typeof outputsSchema>> {
    const { stdout } = await promisify(execFile)("pulumi", ["stack", "output", "--json", "--stack", stack], {
        maxBuffer: 256 * 1024 * 1024,
    }).catch((error: unknown) => {
        throw new PassthroughError(`cannot read the outputs of stack ${stack}: ${stderrOf(error)}`, {
            code: "STACK_OUTPUTS",
            cure: "run `npm run up` for this stack first",
            cause: error,
        });
    });
    const parsed = outputsSchema.safeParse(JSON.parse(stdout));
    if (parsed.success) return parsed.data;
    throw new PassthroughError(`stack ${stack} has no outputs to render`, {
        code: "STACK_OUTPUTS",
        cure: "run `npm run up` for this stack first",
    });
}

function stderrOf(error: unknown): string {
    const { stderr } = error as { stderr?: unknown };
    return typeof stderr === "string" && stderr.trim() !== "" ? stderr.trim() : messageOf(error);
}

/** A reader never sees half a file. */
async function writeWhole(path: string, content: string): Promise<string> {
    const temporary = `${path}.new`;
    await writeFile(temporary, content);
    await rename(temporary, path);
    return path;
}
