import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { PassthroughError, messageOf } from "../lib/oci/errors";

/** A backend that does not answer must not hold a pull-request job up. */
const PATIENCE_MS = 60_000;

/**
 * The outputs of a stack, through the Pulumi CLI; secrets come over the pipe, never through a file or an argument.
 * @throws PassthroughError `STACK_OUTPUTS`
 */
export async function stackOutputs(stack: string, withSecrets = false): Promise<Record<string, unknown>> {
    const args = ["stack", "output", "--json", ...(withSecrets ? ["--show-secrets"] : [])];
    const outputs = z.record(z.string(), z.unknown()).safeParse(await ask(stack, args, "outputs", "STACK_OUTPUTS"));
    return outputs.success ? outputs.data : {};
}

/**
 * The state of a stack as `pulumi stack export` gives it, secrets encrypted.
 * @throws PassthroughError `STACK_STATE`
 */
export async function stackState(stack: string): Promise<unknown> {
    return ask(stack, ["stack", "export"], "state", "STACK_STATE");
}

async function ask(stack: string, args: readonly string[], what: string, code: string): Promise<unknown> {
    const run = promisify(execFile)("pulumi", [...args, "--stack", stack, "--non-interactive"], {
        maxBuffer: 512 * 1024 * 1024,
        timeout: PATIENCE_MS,
    });
    const { stdout } = await run.catch((error: unknown) => {
        throw new PassthroughError(`cannot read the ${what} of stack ${stack}: ${reasonOf(error)}`, {
            code,
            cure: cureOf(reasonOf(error)),
            cause: error,
        });
    });
    return JSON.parse(stdout) as unknown;
}

function cureOf(reason: string): string {
    if (/passphrase/i.test(reason)) return "set PULUMI_CONFIG_PASSPHRASE, or …_FILE, to the passphrase of this stack";
    return "run `npm run up` for this stack first, with its backend and passphrase in the environment";
}

function reasonOf(error: unknown): string {
    const { stderr, code, killed } = error as { stderr?: unknown; code?: unknown; killed?: unknown };
    if (code === "ENOENT") return "there is no pulumi on PATH";
    if (killed === true) return `the backend did not answer within ${PATIENCE_MS / 1000} s`;
    return typeof stderr === "string" && stderr.trim() !== "" ? stderr.trim() : messageOf(error);
}
