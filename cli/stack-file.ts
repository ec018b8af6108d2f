import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { mergeDocuments } from "../config/schema";
import { overrideSchema } from "../lib/archives";
import { PassthroughError } from "../lib/oci/errors";

const SITE = "registry-passthrough:site";
const DEFAULTS = "registry-passthrough:defaults";

const contentSchema = z.object({
    archive: z.union([z.string(), z.array(z.string())]),
    lock: z.string(),
    overrides: z.array(overrideSchema).default([]),
});

const stackFile = z.object({ config: z.record(z.string(), z.unknown()).default({}) });

/** One image set as a stack file lists it. */
export type StackContent = z.infer<typeof contentSchema>;

/**
 * The image sets that a stack file lists, project defaults merged under it. Reads files only: no engine, no secrets.
 * @throws PassthroughError `STACK_FILE` that names the file
 */
export function readStackContent(stack: string): StackContent[] {
    const path = `Pulumi.${stack}.yaml`;
    if (!existsSync(path)) throw fault(`there is no ${path}`, "name a stack whose file is here with --stack");
    const site = configOf(path)[SITE];
    const merged = mergeDocuments(projectDefaults(), site);
    const parsed = z.object({ content: z.array(contentSchema).default([]) }).safeParse(merged);
    if (!parsed.success) throw fault(`${path}, ${SITE}: ${z.prettifyError(parsed.error)}`, "see docs/configuration.md");
    return parsed.data.content;
}

/** Pulumi.yaml holds a project value as `{value: …}`, or plainly. */
function projectDefaults(): unknown {
    const defaults = configOf("Pulumi.yaml")[DEFAULTS];
    const wrapped = z.object({ value: z.unknown() }).safeParse(defaults);
    return wrapped.success && wrapped.data.value !== undefined ? wrapped.data.value : defaults;
}

function configOf(path: string): Record<string, unknown> {
    const parsed = stackFile.safeParse(parse(readFileSync(path, "utf8")) ?? {});
    if (!parsed.success) throw fault(`${path}: ${z.prettifyError(parsed.error)}`, "write it as Pulumi does");
    return parsed.data.config;
}

function fault(message: string, cure: string): PassthroughError {
    return new PassthroughError(message, { code: "STACK_FILE", cure });
}
