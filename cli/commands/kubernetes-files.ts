import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { errorMessage } from "../../lib/errors/errors";
import type { Problem } from "../../lib/errors/problem";
import { parseBoundedYamlDocuments } from "../../lib/oci/bounded-yaml";
import { namedImages } from "../../lib/openshift";
import type { ImageUse } from "../../lib/passthrough";

/** What files with Kubernetes objects ask for. */
export interface KubernetesFiles {
    readonly uses: readonly ImageUse[];
    readonly objects: number;
    /** Files that could not be read, each with its fix; no image of them is in `uses`. */
    readonly problems: readonly Problem[];
    /** What people should know, as sentences. */
    readonly notes: readonly string[];
}

const EXTENSION = /\.(ya?ml|json)$/;

/**
 * Reads Kubernetes objects from YAML and JSON files, from all such files below folders (but not below hidden ones), and
 * from standard input (`-`). What is no Kubernetes object is left out. One file that cannot be read does not end it.
 */
export function readKubernetesFiles(paths: readonly string[]): KubernetesFiles {
    const [uses, problems, notes]: [ImageUse[], Problem[], string[]] = [[], [], []];
    let objects = 0;
    for (const file of paths.flatMap((path) => listFiles(path, problems))) {
        try {
            for (const object of parseObjects(file)) {
                if (isKustomization(object)) notes.push(kustomization(file));
                objects++;
                const named = namedImages(object);
                uses.push(...named.map(({ image, owner }) => ({ image, owner: `${owner} (${displayName(file)})` })));
            }
        } catch (error) {
            problems.push(unreadable(file, errorMessage(error)));
        }
    }
    return { uses, objects, problems, notes };
}

function listFiles(path: string, problems: Problem[]): string[] {
    if (path === "-") return [path];
    try {
        if (!statSync(path).isDirectory()) return [path];
        const entries = readdirSync(path, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
        return entries
            .filter((entry) => entry.isDirectory() || EXTENSION.test(entry.name))
            .flatMap(({ name }) => listFiles(join(path, name), problems))
            .sort();
    } catch (error) {
        problems.push(unreadable(path, errorMessage(error)));
        return [];
    }
}

function parseObjects(file: string): Record<string, unknown>[] {
    const text = readFileSync(file === "-" ? 0 : file, "utf8");
    return parseBoundedYamlDocuments(text, Infinity).filter(isObject);
}

function isObject(value: unknown): value is Record<string, unknown> {
    if (typeof value !== "object" || value === null) return false;
    const { apiVersion, kind } = value as Record<string, unknown>;
    return typeof apiVersion === "string" && typeof kind === "string";
}

/** Flux has objects of this kind too, of another group. */
function isKustomization({ apiVersion, kind }: Record<string, unknown>): boolean {
    return kind === "Kustomization" && String(apiVersion).startsWith("kustomize.config.k8s.io/");
}

function displayName(file: string): string {
    return file === "-" ? "standard input" : file;
}

function kustomization(file: string): string {
    return `${displayName(file)} is the source of a kustomization: what it changes is not applied here; check its output: kustomize build ${join(file, "..")} | passthrough coverage -`;
}

function unreadable(file: string, problem: string): Problem {
    const [line = ""] = problem.split("\n");
    return {
        code: "KUBERNETES_FILE_INVALID",
        problem: line,
        place: { file: displayName(file) },
        fix: "give YAML or JSON as oc apply takes it; templates must be rendered first, as by helm template",
    };
}
