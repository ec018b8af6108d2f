import { parseBoundedYaml, yamlProblem } from "../oci/bounded-yaml";

/** The fields of a YAML mapping, not checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** A named entry of `clusters`, `contexts` or `users`. */
export interface Entry {
    readonly name: string;
    readonly fields: Fields;
}

/** A kubeconfig as YAML, not checked yet. */
export interface KubeconfigDocument {
    readonly currentContext: string | undefined;
    readonly clusters: readonly Entry[];
    readonly contexts: readonly Entry[];
    readonly users: readonly Entry[];
}

export interface KubeconfigProblem {
    /** It is about the context that was asked for, and not about the kubeconfig alone. */
    readonly isOfContext?: boolean;
    /** Where: `clusters[site-b].certificate-authority-data`; absent: the whole text. */
    readonly field?: string;
    /** What is wrong; no secret is in it. */
    readonly problem: string;
    readonly fix: string;
}

/** Prints a kubeconfig that needs no other file. */
export const FLATTEN = "kubectl config view --flatten --minify --raw";

/** Larger ones are something else; certificates are about 2 KiB each. */
export const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads the YAML of a kubeconfig (or its JSON).
 * @returns why it is none; no part of the text is in it, since that may be a secret
 */
export function parseKubeconfigDocument(text: string): KubeconfigDocument | string {
    const root = parseYaml(text);
    if (typeof root === "string") return root;
    const lists = ["clusters", "contexts", "users"] as const;
    const wrong = lists.find((list) => !Array.isArray(root[list] ?? []));
    if (wrong !== undefined) return `${wrong} is not a list`;
    const [clusters = [], contexts = [], users = []] = lists.map((list) => toEntries(root[list], list));
    return { currentContext: textField(root, "current-context"), clusters, contexts, users };
}

function parseYaml(text: string): Fields | string {
    if (text.trim() === "") return "it is empty";
    let root: unknown;
    try {
        root = parseBoundedYaml(text, MAX_BYTES);
    } catch (error) {
        return yamlProblem(error);
    }
    if (hasMergeKey(root)) return "it has the merge key <<, which this program and kubectl read in different ways";
    return isFields(root) ? root : "it is YAML, but no mapping with clusters, contexts and users";
}

/**
 * kubectl takes it for the fields that it names (YAML 1.1), among them one that switches TLS verification off.
 * @param seen what aliases share is looked into once
 */
function hasMergeKey(value: unknown, seen = new Set<unknown>()): boolean {
    if (typeof value !== "object" || value === null || seen.has(value)) return false;
    seen.add(value);
    return Object.hasOwn(value, "<<") || Object.values(value).some((inner) => hasMergeKey(inner, seen));
}

function toEntries(list: unknown, kind: string): Entry[] {
    const key = kind.slice(0, -1);
    return ((list ?? []) as unknown[]).filter(isFields).flatMap((entry) => {
        const name = textField(entry, "name");
        return name === undefined ? [] : [{ name, fields: mappingField(entry, key) ?? {} }];
    });
}

export function isFields(value: unknown): value is Fields {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field that is a text with characters in it. */
export function textField(fields: Fields, name: string): string | undefined {
    const value = fields[name];
    return typeof value === "string" && value !== "" ? value : undefined;
}

export function mappingField(fields: Fields, name: string): Fields | undefined {
    const value = fields[name];
    return isFields(value) ? value : undefined;
}
