import { stringify } from "yaml";
import { PassthroughError, errorMessage } from "../errors/errors";
import type { Place } from "../errors/problem";
import { listed, printable } from "../errors/text";
import { readTextFile } from "../files/text-file";
import { type ClusterEndpoint, EXEC_EXTENSION, readEndpoint } from "./kubeconfig-cluster";
import {
    type Entry,
    FLATTEN,
    type Fields,
    type KubeconfigDocument,
    type KubeconfigProblem,
    MAX_BYTES,
    parseKubeconfigDocument,
    textField,
} from "./kubeconfig-document";
import { fileReader } from "./kubeconfig-files";
import { type ClusterUser, readUser } from "./kubeconfig-user";

/** Where the text of a kubeconfig is from, and what of it is used. */
export interface KubeconfigSource {
    /** Absent: its `current-context`. */
    readonly context?: string | undefined;
    /** Path of the file that the text was read from: certificates may be files then, relative to its folder. */
    readonly file?: string | undefined;
}

/** The part of a kubeconfig that one context uses, checked. */
export interface Kubeconfig extends ClusterEndpoint {
    readonly context: string;
    readonly user: ClusterUser;
}

/** The account and the server, or everything that is wrong. */
export type KubeconfigReading =
    | { readonly kubeconfig: Kubeconfig; readonly problems?: undefined }
    | { readonly kubeconfig?: undefined; readonly problems: readonly KubeconfigProblem[] };

/** Checks the context of a kubeconfig that is used; the others may be anything. */
export function readKubeconfig(text: string, source: KubeconfigSource = {}): KubeconfigReading {
    const document = parseKubeconfigDocument(text);
    if (typeof document === "string") {
        return { problems: [{ problem: document, fix: `give the text that this prints: ${FLATTEN}` }] };
    }
    const selected = selectContext(document, source.context);
    if ("problem" in selected) return { problems: [selected] };
    const { context, cluster, user } = selected;
    const files = fileReader(source.file);
    const endpoint = readEndpoint(cluster, files);
    const account = readUser(user, files);
    const problems = [...endpoint.problems, ...account.problems];
    return problems.length === 0 ? { kubeconfig: { context, ...endpoint.endpoint, user: account.user } } : { problems };
}

/**
 * The part of a kubeconfig that is used.
 * @param place of the text, for the error
 * @throws PassthroughError `KUBECONFIG_INVALID` with everything that is wrong
 */
export function parseKubeconfig(text: string, source: KubeconfigSource = {}, place?: Place): Kubeconfig {
    const { kubeconfig, problems } = readKubeconfig(text, source);
    if (kubeconfig !== undefined) return kubeconfig;
    throw kubeconfigError(problems, place);
}

function kubeconfigError(problems: readonly KubeconfigProblem[], place: Place | undefined): PassthroughError {
    const [only, ...more] = problems;
    if (only !== undefined && more.length === 0) {
        const thing = only.field === undefined ? "kubeconfig" : `kubeconfig, ${only.field}`;
        return new PassthroughError(only.problem, { code: "KUBECONFIG_INVALID", thing, place, fix: only.fix });
    }
    return new PassthroughError(`${problems.length} problems`, {
        ...{ code: "KUBECONFIG_INVALID", thing: "kubeconfig", place },
        problems: problems.map(({ field = "kubeconfig", problem, fix }) => ({
            name: field,
            problem: { code: "KUBECONFIG_INVALID", problem, fix },
        })),
    });
}

/** A kubeconfig that needs no other file (YAML: secret), or everything that is wrong. */
export type FlatKubeconfig =
    | { readonly text: string; readonly problems?: undefined }
    | { readonly text?: undefined; readonly problems: readonly KubeconfigProblem[] };

/**
 * Reads a kubeconfig file, and makes a text of it that needs no other file: only the context that is used, certificates,
 * key and token in it, the command of an exec plugin with its folder.
 * @param context absent: its `current-context`
 */
export function readKubeconfigFile(file: string, context?: string): FlatKubeconfig {
    let text: string;
    try {
        text = readTextFile(file, MAX_BYTES);
    } catch (error) {
        const fix =
            "give the path of a kubeconfig that this user may read, relative to the project's folder or absolute";
        return { problems: [{ problem: `it cannot be read: ${errorMessage(error)}`, fix }] };
    }
    const { kubeconfig, problems } = readKubeconfig(text, { file, context });
    return kubeconfig === undefined ? { problems } : { text: flatten(kubeconfig) };
}

/** The text of `readKubeconfigFile`. @throws PassthroughError `KUBECONFIG_INVALID` with everything that is wrong */
export function flattenKubeconfigFile(file: string, context?: string): string {
    const { text, problems } = readKubeconfigFile(file, context);
    if (text !== undefined) return text;
    throw kubeconfigError(problems, { file });
}

function flatten({ user, ...kubeconfig }: Kubeconfig): string {
    return stringify({
        ...{ apiVersion: "v1", kind: "Config", "current-context": kubeconfig.context },
        clusters: [{ name: kubeconfig.context, cluster: endpointFields(kubeconfig) }],
        contexts: [{ name: kubeconfig.context, context: { cluster: kubeconfig.context, user: kubeconfig.context } }],
        users: [{ name: kubeconfig.context, user: user.fields }],
    });
}

function endpointFields({ server, ca, tlsServerName, proxyUrl, execConfig }: ClusterEndpoint): Fields {
    return {
        server,
        ...(ca === undefined ? {} : { "certificate-authority-data": Buffer.from(ca).toString("base64") }),
        ...(tlsServerName === undefined ? {} : { "tls-server-name": tlsServerName }),
        ...(proxyUrl === undefined ? {} : { "proxy-url": proxyUrl }),
        ...(execConfig === undefined ? {} : { extensions: [{ name: EXEC_EXTENSION, extension: execConfig }] }),
    };
}

interface SelectedContext {
    readonly context: string;
    readonly cluster: Entry;
    /** Absent: the context names none, and requests are anonymous. */
    readonly user: Entry | undefined;
}

function selectContext(document: KubeconfigDocument, wanted: string | undefined): SelectedContext | KubeconfigProblem {
    const name = wanted ?? document.currentContext;
    const names = document.contexts.map((context) => context.name);
    const known = names.length === 0 ? "it has no contexts" : `it has: ${listed(names, 10)}`;
    if (name === undefined) {
        return { problem: `it has no current-context (${known})`, fix: "name the context, or set current-context" };
    }
    const context = document.contexts.find((candidate) => candidate.name === name);
    if (context === undefined) {
        const problem = `the kubeconfig has no context ${printable(name)} (${known})`;
        return { isOfContext: wanted !== undefined, problem, fix: "name one that it has" };
    }
    const field = `contexts[${name}]`;
    const missing = (kind: string) => ({
        ...{ field, problem: `it names a ${kind} that the kubeconfig does not have` },
        fix: `give the text that this prints: ${FLATTEN}`,
    });
    const cluster = document.clusters.find((candidate) => candidate.name === context.fields["cluster"]);
    if (cluster === undefined) return missing("cluster");
    const userName = textField(context.fields, "user");
    const user = document.users.find((candidate) => candidate.name === userName);
    return userName !== undefined && user === undefined ? missing("user") : { context: name, cluster, user };
}
