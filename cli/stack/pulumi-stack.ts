import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { once } from "../../lib/concurrency/once";
import type { ErrorCode } from "../../lib/errors/codes";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { parseJson } from "../../lib/errors/text";
import { type StackRun, stackHistory } from "./stack-runs";

/** A pull-request job does not wait longer for a backend. */
const TIMEOUT_MS = 60_000;

/**
 * The outputs of a stack, through the Pulumi CLI; secrets come over the pipe, never through a file or an argument.
 * @throws PassthroughError `STACK_OUTPUTS_UNAVAILABLE`
 */
export async function stackOutputs(stack: string, withSecrets = false): Promise<Record<string, unknown>> {
    const args = ["stack", "output", "--json", ...(withSecrets ? ["--show-secrets"] : [])];
    return readFromPulumi(stack, args, { what: "outputs", code: "STACK_OUTPUTS_UNAVAILABLE", shape: outputsShape });
}

/**
 * The outputs of a site's stack, secrets included, after a check that they belong to this site: accounts and rules of
 * another registry are never used.
 * @param mirrorBase of the site's configuration
 * @throws PassthroughError `STACK_OUTPUTS_UNAVAILABLE`; `STACK_MISMATCH` names both mirror bases
 */
export async function siteOutputs(stack: string, mirrorBase: string): Promise<Record<string, unknown>> {
    const outputs = await stackOutputs(stack, true);
    requireMirrorBase(stack, outputs, mirrorBase);
    return outputs;
}

/**
 * Checks that a stack's outputs belong to the configured mirror base. No outputs pass: a stack has none before its first
 * `up`.
 * @throws PassthroughError `STACK_MISMATCH` names both mirror bases
 */
export function requireMirrorBase(stack: string, outputs: Record<string, unknown>, mirrorBase: string): void {
    const { mirrorBase: stackBase } = outputs;
    if (stackBase === mirrorBase || Object.keys(outputs).length === 0) return;
    const there = typeof stackBase === "string" ? stackBase : "no mirror base";
    throw new PassthroughError(`its outputs are of ${there}, its configuration is of ${mirrorBase}`, {
        code: "STACK_MISMATCH",
        thing: `stack ${stack}`,
        fix: "check that --stack and site.registry.mirrorBase mean the same site; if it moved, run `npm run up` for it first",
    });
}

/**
 * The plain text values of a stack's configuration, secrets decrypted, by key without the project's name.
 * @param file of the configuration, if it is not the stack's own
 * @throws PassthroughError `STACK_CONFIG_UNAVAILABLE`
 */
export function stackTexts(stack: string, file: string | undefined): Promise<Record<string, string>> {
    return once(texts, JSON.stringify([stack, file]), () => readTexts(stack, file));
}

/** A command asks for several of them; each question starts the Pulumi CLI. */
const texts = new Map<string, Promise<Record<string, string>>>();

async function readTexts(stack: string, file: string | undefined): Promise<Record<string, string>> {
    const args = ["config", "--json", "--show-secrets", ...(file === undefined ? [] : ["--config-file", file])];
    const wanted = { what: "configuration", code: "STACK_CONFIG_UNAVAILABLE", shape: configurationShape } as const;
    const config = await readFromPulumi(stack, args, wanted);
    return Object.fromEntries(
        Object.entries(config).flatMap(([key, { value }]) =>
            value === undefined ? [] : [[key.replace(/^.*:/, ""), value]],
        ),
    );
}

const outputsShape = z.record(z.string(), z.unknown());
const configurationShape = z.record(z.string(), z.looseObject({ value: z.string().optional() }));

/**
 * The state of a stack as `pulumi stack export` gives it, secrets encrypted.
 * @throws PassthroughError `STACK_STATE_UNAVAILABLE`
 */
export async function stackState(stack: string): Promise<unknown> {
    const wanted = { what: "state", code: "STACK_STATE_UNAVAILABLE", shape: z.unknown() } as const;
    return readFromPulumi(stack, ["stack", "export"], wanted);
}

/** How far back the newest `up` is looked for. */
const RUNS = 20;

/**
 * The latest runs of the engine on a stack, the newest first.
 * @throws PassthroughError `STACK_STATE_UNAVAILABLE`
 */
export async function stackRuns(stack: string): Promise<readonly StackRun[]> {
    const wanted = { what: "history", code: "STACK_STATE_UNAVAILABLE", shape: stackHistory } as const;
    return readFromPulumi(stack, ["stack", "history", "--json", "--page-size", String(RUNS)], wanted);
}

/** What the Pulumi CLI is to print. */
interface Wanted<T> {
    readonly what: string;
    readonly code: ErrorCode;
    readonly shape: z.ZodType<T>;
}

async function readFromPulumi<T>(stack: string, args: readonly string[], { what, code, shape }: Wanted<T>): Promise<T> {
    const run = promisify(execFile)("pulumi", [...args, "--stack", stack, "--non-interactive"], {
        maxBuffer: 512 * 1024 * 1024,
        timeout: TIMEOUT_MS,
    });
    const { stdout } = await run.catch((error: unknown) => {
        throw new PassthroughError(`cannot read its ${what}: ${failureReason(error)}`, {
            code,
            thing: `stack ${stack}`,
            fix: fixFor(failureReason(error), stack),
            cause: error,
        });
    });
    const document = parseJson(stdout);
    const parsed = shape.safeParse(document);
    if (document !== undefined && parsed.success) return parsed.data;
    // Not its text: it may hold secrets.
    throw new PassthroughError(`cannot read its ${what}: pulumi did not print the expected JSON`, {
        code,
        thing: `stack ${stack}`,
        fix: "run the same command with `npm run pulumi` by hand and look at its output",
    });
}

function fixFor(reason: string, stack: string): string {
    if (/no stack named/i.test(reason)) {
        return `check the name with \`npm run pulumi -- stack ls\`, or create the stack: npm run pulumi -- stack init ${stack}`;
    }
    if (/passphrase/i.test(reason)) return "set PULUMI_CONFIG_PASSPHRASE, or …_FILE, to the passphrase of this stack";
    return "run `npm run up` for this stack first, with its backend and passphrase in the environment";
}

function failureReason(error: unknown): string {
    const { stderr, code, killed } = error as { stderr?: unknown; code?: unknown; killed?: unknown };
    if (code === "ENOENT") return "there is no pulumi on PATH";
    if (killed === true) return `the backend did not respond within ${TIMEOUT_MS / 1000} s`;
    return typeof stderr === "string" && stderr.trim() !== "" ? stderr.trim() : errorMessage(error);
}
