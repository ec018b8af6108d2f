import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { parseLock } from "../../lib/lock";
import { type ImagesBySource, imageText, toImageMap } from "../../lib/import";
import { parseBoundedJson } from "../../lib/oci/bounded-json";
import { isDigest } from "../../lib/oci/digest";
import { type ClusterConfiguration, NO_CLUSTER, readObjectList } from "../../lib/openshift";
import { clusterConfiguration, clusterDeliveries } from "../../lib/site";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { NestingError } from "../../lib/errors/nesting";
import { RENDERED_FILES } from "../commands/rendered-files";
import { type RenderedOutputs, readClusterOutputs, renderedOutputs } from "../commands/rendered-outputs";
import { NOTHING_IMPORTED } from "./nothing-imported";
import { stackState } from "./pulumi-stack";
import { type StackSelection, readStackContent, readStackSite, stackFilePath } from "./stack-file";

/** What clusters have, by name; that of `site.cluster` is "". */
export type ClustersBefore = ReadonlyMap<string, ClusterConfiguration>;

const NO_CLUSTERS: ClustersBefore = new Map([["", NO_CLUSTER]]);

/** What was imported and rendered last, and where that is known from. */
export interface ImportedImages {
    readonly images: ImagesBySource;
    /** Absent: not known. */
    readonly clusters?: ClustersBefore;
    /** For people: "the state of stack site-a". */
    readonly source: string;
    /** Why images may be missing from the list. */
    readonly note?: string;
}

const digest = z.string().refine(isDigest, "not a sha256 digest");
const images = z.union([imageText, z.record(z.string(), digest)]);
const state = z.looseObject({
    deployment: z.looseObject({
        resources: z
            .array(
                z.looseObject({
                    type: z.string(),
                    urn: z.string().optional(),
                    delete: z.boolean().optional(),
                    // A component may have none at all.
                    outputs: z.unknown().optional(),
                }),
            )
            .nullish(),
    }),
});
const outputs = z.looseObject({ images: z.record(z.string(), z.looseObject({ digest })) });
const IMPORT_TYPE = "pulumi-nodejs:dynamic/registry-passthrough:ImageImport";
const VALIDATION_TYPE = "pulumi-nodejs:dynamic/registry-passthrough:MirrorValidation";

/** What a stack's state, as `pulumi stack export` gives it, says was imported. */
export function importedByState(document: unknown, stack: string): ImportedImages {
    const source = `the state of stack ${stack}`;
    return { images: {}, ...readBaseline(document, source), source };
}

/**
 * The images in the stack's state. If the state cannot be read, no image counts as imported, and the note says so.
 */
export async function readImportedState(stack: string): Promise<ImportedImages> {
    try {
        return importedByState(await stackState(stack), stack);
    } catch (error) {
        const note = `compared with nothing, since the state could not be read: ${errorMessage(error)}`;
        return { images: {}, source: "nothing", note };
    }
}

/**
 * What all these have together: locks, `pulumi stack export`, `pulumi stack output --json`, folders of `render`, and
 * checkouts of another revision, whose stack file says which lock files count there.
 * @throws PassthroughError `BASELINE_INVALID`, and those of `parseLock` and `readStackContent`
 */
export function readImportedFiles(paths: readonly string[], selection: StackSelection): ImportedImages {
    if (paths.length === 1 && paths[0] === NOTHING_IMPORTED)
        return { images: {}, clusters: NO_CLUSTERS, source: "nothing" };
    const all = paths.map((path) =>
        isFolder(path) ? readFolder(path, selection) : readBaseline(readJson(path), path),
    );
    const clusters = all.map((baseline) => baseline.clusters).findLast((known) => known !== undefined);
    const notes = all.flatMap(({ note }) => note ?? []);
    if (all.every(({ images }) => images === undefined))
        notes.push("every image counts as new: give --against the lock files too");
    return {
        images: Object.assign({}, ...all.map(({ images }) => images)) as ImagesBySource,
        ...(clusters === undefined ? {} : { clusters }),
        source: paths.join(", "),
        ...(notes.length === 0 ? {} : { note: notes.join("; ") }),
    };
}

/** Images are absent where nothing says what was imported. */
type Baseline = Partial<Pick<ImportedImages, "images" | "clusters" | "note">>;

function readFolder(folder: string, given: StackSelection): Baseline {
    const rendered = readRenderedFolders(folder);
    if (rendered.size > 0) return { clusters: rendered };
    const selection = { ...given, folder };
    if (existsSync(stackFilePath(selection))) return readCheckout(selection);
    if (!existsSync(join(folder, "Pulumi.yaml")))
        throw invalid(folder, "neither a folder that render wrote nor a checkout with a stack file");
    const note = `every image counts as new: there is no ${stackFilePath(selection)}`;
    return { images: {}, clusters: NO_CLUSTERS, note };
}

/** What an `up` of another revision gives; its configuration may be one that this program refuses. */
function readCheckout(selection: StackSelection & { readonly folder: string }): Baseline {
    const { folder } = selection;
    try {
        const site = readStackSite(selection);
        // As an `up` has them in its state: an image whose tag a later set moves is kept by its digest.
        const images = Object.assign({}, ...site.content.map((set) => set.images)) as ImagesBySource;
        const deliveries = clusterDeliveries(site, site.registry.mirror);
        return { images, clusters: new Map(deliveries.map((one) => [one.name, clusterConfiguration(one)])) };
    } catch (error) {
        const locks = readStackContent(selection).map(({ lock }) => resolve(folder, lock));
        const all = locks.map((lock) => readBaseline(readJson(lock), lock).images);
        const note = `the mirror rules of ${folder} are not known: ${errorMessage(error)}`;
        return { images: Object.assign({}, ...all) as ImagesBySource, note };
    }
}

function readBaseline(document: unknown, place: string): Baseline {
    if (typeof document === "object" && document !== null && "lockVersion" in document) {
        const lock = parseLock(JSON.stringify(document), place);
        return { images: { ...lock.earlier.images, ...lock.images } };
    }
    const stateDocument = state.safeParse(document);
    if (stateDocument.success) return readState(stateDocument.data.deployment.resources ?? []);
    const outputDocument = outputs.safeParse(document);
    if (!outputDocument.success) throw invalid(place, "neither a lock nor a stack's state or outputs");
    const images = Object.entries(outputDocument.data.images).map(([source, image]) => [source, image.digest]);
    return { images: Object.fromEntries(images) as ImagesBySource, ...readOutputs(outputDocument.data) };
}

interface StateResource {
    readonly urn?: string | undefined;
    readonly type: string;
    readonly delete?: boolean | undefined;
    readonly outputs?: unknown;
}

/** A stack without outputs has never had a complete `up`: no cluster can have its rules. */
function readState(resources: readonly StateResource[]): Baseline {
    const stack = resources.find(({ type }) => type === "pulumi:pulumi:Stack");
    const outputs = z.looseObject({}).safeParse(stack?.outputs).data ?? {};
    const clusters = Object.keys(outputs).length === 0 ? NO_CLUSTERS : readOutputs(outputs).clusters;
    const versions = validatedVersions(resources);
    const known = [...(clusters ?? [])].map(
        ([name, cluster]) => [name, { ...cluster, version: versions.get(name) }] as const,
    );
    return { images: imagesInResources(resources), ...(clusters === undefined ? {} : { clusters: new Map(known) }) };
}

const validationOutputs = z.looseObject({ clusterVersion: z.string() });

/** The versions that the rules were proven for, by the name of the cluster. */
function validatedVersions(resources: readonly StateResource[]): ReadonlyMap<string, string> {
    return new Map(
        resources.flatMap(({ type, urn, outputs }) => {
            const { data } = validationOutputs.safeParse(type === VALIDATION_TYPE ? outputs : undefined);
            const name = /::validation(?:-(.+))?$/.exec(urn ?? "")?.[1] ?? "";
            return data === undefined ? [] : [[name, data.clusterVersion] as const];
        }),
    );
}

function readOutputs(document: unknown): Pick<Baseline, "clusters"> {
    const clusters = readClusterOutputs(document);
    if (clusters === undefined) return {};
    return { clusters: new Map(clusters.map(([name, texts]) => [name, readTexts(texts)])) };
}

function readTexts(texts: RenderedOutputs): ClusterConfiguration {
    const yaml = RENDERED_FILES.filter(({ name }) => name.endsWith(".yaml")).map(({ output }) => texts[output]);
    return { registriesConf: texts.registriesConf, objects: readObjectList(yaml.filter(Boolean).join("---\n")) };
}

/** What `render` wrote: one cluster, or a folder for each; empty if it is no such folder. */
function readRenderedFolders(folder: string): ClustersBefore {
    if (existsSync(join(folder, "registries.conf"))) return new Map([["", readRenderedFolder(folder)]]);
    const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, "registries.conf")));
    return new Map(names.map((name) => [name, readRenderedFolder(join(folder, name))]));
}

/** A file that was not rendered had no content. */
function readRenderedFolder(folder: string): ClusterConfiguration {
    const read = (name: string) => {
        const path = join(folder, name);
        return existsSync(path) ? readText(path) : "";
    };
    const texts = Object.fromEntries(RENDERED_FILES.map(({ name, output }) => [output, read(name)]));
    if (texts.registriesConf !== "") return readTexts(renderedOutputs.parse(texts));
    throw invalid(folder, "its registries.conf is empty");
}

function isFolder(path: string): boolean {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Of two sets with the same tag the later one counts, as in the registry. */
function imagesInResources(resources: readonly StateResource[]): ImagesBySource {
    const found = resources
        .filter((resource) => resource.type === IMPORT_TYPE && resource.delete !== true)
        .map((resource) => z.looseObject({ images }).safeParse(resource.outputs).data?.images ?? {})
        .map(toImageMap);
    return Object.assign({}, ...found) as ImagesBySource;
}

function readText(path: string): string {
    try {
        return readFileSync(path, "utf8");
    } catch (error) {
        throw invalid(path, errorMessage(error));
    }
}

function readJson(path: string): unknown {
    const text = readText(path);
    try {
        return parseBoundedJson(text);
    } catch (error) {
        throw invalid(path, error instanceof NestingError ? error.message : "not JSON");
    }
}

function invalid(place: string, what: string): PassthroughError {
    return new PassthroughError(what, {
        code: "BASELINE_INVALID",
        place: { file: place },
        fix: `give a lock file, the JSON of \`pulumi stack output --json\` or \`pulumi stack export\`, a folder of render or a checkout, or ${NOTHING_IMPORTED}`,
    });
}
