import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { z } from "zod";
import { schemaIssues } from "../../lib/errors/schema-issues";
import {
    type ContentDocument,
    type Site,
    configuredExclusions,
    configurationError,
    mergeDocuments,
    parseContent,
    plainSecretIssues,
    readSite,
    unknownKeyIssues,
} from "../../lib/site";
import type { ExcludePattern } from "../../lib/mirror/exclusions";
import type { Override } from "../../lib/mirror/override";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { readTextFile } from "../../lib/files/text-file";
import { parseBoundedYaml } from "../../lib/oci/bounded-yaml";

const NAMESPACE = "registry-passthrough";
const SITE = `${NAMESPACE}:site`;
const DEFAULTS = `${NAMESPACE}:defaults`;

const stackFile = z.object({ config: z.record(z.string(), z.unknown()).nullish() });

/** One image set as a stack file lists it. */
export type StackContent = Omit<ContentDocument, "overrides" | "exclude"> & {
    readonly overrides: readonly Override[];
    readonly exclude: readonly ExcludePattern[];
};

/** A stack, and the file of its configuration if that is not `Pulumi.<stack>.yaml`. */
export interface StackSelection {
    /** Also with organization and project, as Pulumi writes it. */
    readonly stack: string;
    readonly file?: string | undefined;
    /** The folder with Pulumi.yaml and the stack files; absent: the current one. */
    readonly folder?: string | undefined;
}

/**
 * The image sets in a stack file, merged over the project's defaults. Reads neither secrets nor locks, which may not
 * exist yet.
 * @throws PassthroughError `CONFIG_INVALID` with every problem of `site.content` by its key; `STACK_FILE_INVALID`
 */
export function readStackContent(selection: StackSelection): StackContent[] {
    const { site, defaults } = readStackFile(selection);
    const { content, issues } = parseContent(mergeDocuments(defaults, site));
    if (issues.length > 0) throw configurationError(issues);
    return content.map((document, i) => {
        const { overrides = [], ...entry } = document;
        return { ...entry, overrides, exclude: configuredExclusions(document, i) };
    });
}

/**
 * A stack's site, validated as `up` does, without the engine, the network, archives and secrets.
 * @throws PassthroughError `CONFIG_INVALID` with every problem by its key; `STACK_FILE_INVALID`
 */
export function readStackSite(selection: StackSelection): Site {
    const { site: document, defaults, keys, plain } = readStackFile(selection);
    const read = (path: string): string => readTextFile(resolve(selection.folder ?? "", path));
    const context = { read, now: new Date(), stack: stackName(selection) };
    const { site, issues } = readSite(document, defaults, context);
    const clusters = site?.clusters.map(({ name }) => name);
    const all = [
        ...issues,
        ...unknownKeyIssues(keys, clusters, context.stack),
        ...plainSecretIssues(plain, context.stack),
    ];
    if (site !== undefined && all.length === 0) return site;
    throw configurationError(all);
}

const mirrorBaseOnly = z.looseObject({
    registry: z.looseObject({ mirrorBase: z.string().optional() }).optional(),
});

/**
 * The mirror base in a stack file, merged over the project's defaults; nothing else of the site is read.
 * @returns undefined if the stack has no file, or the file has no mirror base
 * @throws PassthroughError `STACK_FILE_INVALID`, also if the selection names a file that does not exist
 */
export function configuredMirrorBase(selection: StackSelection): string | undefined {
    if (selection.file === undefined && !existsSync(stackFilePath(selection))) return undefined;
    const { path, site, defaults } = readStackFile(selection);
    const parsed = mirrorBaseOnly.safeParse(mergeDocuments(defaults, site) ?? {});
    if (parsed.success) return parsed.data.registry?.mirrorBase;
    throw invalidFile(path, schemaIssues(parsed.error), "write site.registry.mirrorBase as host[:port]/path");
}

/** The names of all keys of a stack's configuration, with their namespaces. @throws PassthroughError `STACK_FILE_INVALID` */
export function configuredKeys(selection: StackSelection): readonly string[] {
    return readStackFile(selection).keys;
}

/** The stack's own name, without organization and project. */
export function stackName({ stack }: StackSelection): string {
    return stack.split("/").at(-1) ?? stack;
}

interface StackFile {
    readonly path: string;
    readonly site: unknown;
    readonly defaults: unknown;
    readonly keys: readonly string[];
    /** Those of the keys whose values everybody can read: `pulumi config set --secret` did not encrypt them. */
    readonly plain: readonly string[];
}

function readStackFile(selection: StackSelection): StackFile {
    const path = stackFilePath(selection);
    if (!existsSync(path))
        throw invalidFile(path, "there is no such file", "name a stack whose file is here with --stack");
    const config = readConfig(path);
    const project = readProjectConfig(join(selection.folder ?? "", PROJECT_FILE));
    const keys = [...new Set([...Object.keys(project), ...Object.keys(config)])];
    return {
        path,
        // A stack's value replaces the project's, as everywhere in Pulumi.
        site: config[SITE] ?? project[SITE],
        defaults: config[DEFAULTS] ?? project[DEFAULTS],
        keys,
        plain: keys.filter((key) => isPlain(config[key] ?? project[key])),
    };
}

const encryptedValue = z.strictObject({ secure: z.string() });

function isPlain(value: unknown): boolean {
    return (value ?? "") !== "" && !encryptedValue.safeParse(value).success;
}

/** The file of a stack's configuration, which may not exist. */
export function stackFilePath(selection: StackSelection): string {
    const file = selection.file ?? `Pulumi.${stackName(selection)}.yaml`;
    return isAbsolute(file) ? file : join(selection.folder ?? "", file);
}

const PROJECT_FILE = "Pulumi.yaml";

/** The values of the project's configuration by full key: there Pulumi completes a key without a namespace. */
function readProjectConfig(file: string): Record<string, unknown> {
    if (!existsSync(file)) return {};
    return Object.fromEntries(
        Object.entries(readConfig(file)).map(([key, entry]) => {
            const name = key.includes(":") ? key : `${NAMESPACE}:${key}`;
            return [name, name.startsWith(`${NAMESPACE}:`) ? projectValue(name, entry) : entry];
        }),
    );
}

const declaration = z.strictObject({
    type: z.unknown(),
    items: z.unknown(),
    description: z.unknown(),
    secret: z.unknown(),
    value: z.unknown(),
    default: z.unknown(),
});

/**
 * What Pulumi reads for a key of Pulumi.yaml: an object is a declaration there, with the value in `value` or `default`.
 * @returns undefined if the key is only declared
 */
function projectValue(key: string, entry: unknown): unknown {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return entry;
    const parsed = declaration.partial().safeParse(entry);
    const fix = `write the value below value: ${key}: {value: {…}}`;
    if (!parsed.success) throw invalidFile(PROJECT_FILE, `${key} is not under value:, so Pulumi rejects it`, fix);
    const { value, default: standard } = parsed.data;
    if (value !== undefined && standard !== undefined)
        throw invalidFile(PROJECT_FILE, `${key} has both value and default, so Pulumi rejects it`, "keep one of them");
    return value ?? standard;
}

function readConfig(path: string): Record<string, unknown> {
    const parsed = stackFile.safeParse(readYaml(path) ?? {});
    if (!parsed.success) throw invalidFile(path, schemaIssues(parsed.error), "write it as Pulumi does");
    return parsed.data.config ?? {};
}

function readYaml(path: string): unknown {
    try {
        return parseBoundedYaml(readFileSync(path, "utf8"));
    } catch (error) {
        throw invalidFile(path, errorMessage(error), "write it as Pulumi does");
    }
}

function invalidFile(file: string, problem: string, fix: string): PassthroughError {
    return new PassthroughError(problem, { code: "STACK_FILE_INVALID", place: { file }, fix });
}
