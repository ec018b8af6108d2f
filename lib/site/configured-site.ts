import { z } from "zod";
import { certificateBlocks, certificatesIn } from "../http/certificates";
import type { ReachedCluster } from "./kubeconfigs";
import type { ConfiguredCertificate } from "./client-certificate";
import type { OnRemove } from "../mirror/on-remove";
import type { ClusterApply } from "./mirror-policy";
import type { Override } from "../mirror/override";
import { parseBoundedJson } from "../oci/bounded-json";
import type { RegistryKind } from "../registries";
import { mergeDocuments } from "./document";
import { certificateKeys } from "./certificate-keys";
import { registryKeys } from "./registry-keys";
import { robotsKeys, rotations } from "./robot-keys";
import type { ConfiguredHost } from "./host-login";
import { clusterKeys } from "./cluster-keys";
import { clusterKey } from "./clusters";
import { hostKeys } from "./host-keys";
import { contentEntry, onRemoveKey, transferKeys } from "./schema";

/** A value as the configuration has it; undefined if it could not be read there, which is not the same as not set. */
export type Reading<T> = { readonly value: T } | undefined;

/**
 * What a running provider needs of today's configuration. Each part is read by itself: one that cannot be read hides
 * none of the others. (The program reports what is wrong with it; refresh and destroy may run without the program.)
 */
export interface ConfiguredSite {
    readonly type: Reading<RegistryKind>;
    readonly mirrorBase: Reading<string>;
    /** `value` is undefined if pushes go to the host of the mirror base. */
    readonly pushHost: Reading<string | undefined>;
    /** Whether the program runs the registry, and makes its accounts. */
    readonly isDeployed: Reading<boolean>;
    /** Whether that registry has its content in a bucket. */
    readonly hasBucket: Reading<boolean>;
    /** The host that the registry runs on, or is installed on; `value` is undefined if there is none. */
    readonly host: Reading<ConfiguredHost | undefined>;
    /** The hosts that archives are on. */
    readonly archiveHosts: Reading<readonly ConfiguredHost[]>;
    readonly adopt: Reading<boolean | undefined>;
    /** PEM of the certificates alone; `value` is undefined if no CA is configured. */
    readonly ca: Reading<string | undefined>;
    /** Whether the program keeps a CA of the site, which state has, and the configuration does not. */
    readonly hasSiteCa: Reading<boolean>;
    /** `value` is undefined if none is configured. */
    readonly clientCertificate: Reading<ConfiguredCertificate | undefined>;
    /** Of the external account at the ACME server; `value` is undefined if none is configured. */
    readonly acmeKeyId: Reading<string | undefined>;
    /** Text of the file with the certificate that the registry is to show; `value` is undefined if none is configured. */
    readonly certificateChain: Reading<string | undefined>;
    /** `value` is undefined if none is configured. */
    readonly proxy: Reading<string | undefined>;
    readonly retrySeconds: Reading<number>;
    /** How the clusters are reached. */
    readonly clusters: Reading<readonly ReachedCluster[]>;
    /** Keys of the clusters that somebody gives rules and accounts by hand, and that may not lose them. */
    readonly clustersByHand: Reading<readonly string[]>;
    readonly onRemove: Reading<OnRemove>;
    /** What a rotation of each robot account does. */
    readonly rotations: Reading<Readonly<Record<"importer" | "puller", z.infer<typeof rotations>>>>;
    /** Lock files in the order of the sets. */
    readonly locks: Reading<readonly string[]>;
    /** By lock file. */
    readonly overrides: Reading<ReadonlyMap<string, readonly Override[]>>;
}

/** Nothing is known: there is no configuration, or it is not one of this program. */
export const UNKNOWN_SITE: ConfiguredSite = {
    type: undefined,
    mirrorBase: undefined,
    pushHost: undefined,
    isDeployed: undefined,
    hasBucket: undefined,
    host: undefined,
    archiveHosts: undefined,
    adopt: undefined,
    ca: undefined,
    hasSiteCa: undefined,
    clientCertificate: undefined,
    acmeKeyId: undefined,
    certificateChain: undefined,
    proxy: undefined,
    retrySeconds: undefined,
    clusters: undefined,
    clustersByHand: undefined,
    onRemove: undefined,
    rotations: undefined,
    locks: undefined,
    overrides: undefined,
};

const isSet = z.unknown().transform((value) => (value ?? undefined) !== undefined);
const reachedKeys = clusterKeys.pick({ apply: true }).loose();
const reachedOnly = z.looseObject({
    cluster: reachedKeys.optional(),
    clusters: z.record(z.string(), reachedKeys).optional(),
});

/** Whatever each of these says, that it is there is enough. */
const byHandKeys = z.looseObject({
    apply: z.unknown().optional(),
    // Whatever cannot be read must not hide the other clusters.
    rollout: z.looseObject({ wait: z.unknown().optional() }).optional().catch(undefined),
    targets: z.array(z.unknown()).optional(),
});
const byHandOnly = z.looseObject({
    cluster: byHandKeys.optional(),
    clusters: z.record(z.string(), byHandKeys).optional(),
});

const hostOnly = hostKeys.loose();
const placesOnly = z.array(z.looseObject({ at: z.looseObject({ host: hostOnly.optional() }).optional() })).default([]);

const overridesOnly = z.array(contentEntry.pick({ lock: true, overrides: true }).partial().loose()).default([]);
const locksOnly = z.array(contentEntry.pick({ lock: true }).loose()).default([]);

/**
 * Reads a site from its two documents, as `readSite` would.
 * @param defaults `{ value: undefined }` if there are none
 * @param readFile gives the text of a PEM file; may throw
 */
export function readConfiguredSite(
    site: Reading<unknown>,
    defaults: Reading<unknown>,
    readFile: (path: string) => string,
): ConfiguredSite {
    if (site?.value === undefined) return UNKNOWN_SITE;
    const read: ReadKey = (schema, ...path) => {
        const found = lookUp(site, defaults, path);
        const parsed = schema.safeParse(found?.value);
        return found !== undefined && parsed.success ? { value: parsed.data } : undefined;
    };
    const certificate = read(certificateKeys.optional(), "registry", "certificate");
    const locks = read(locksOnly, "content");
    const overrides = read(overridesOnly, "content");
    return {
        type: read(registryKeys.shape.type, "registry", "type"),
        mirrorBase: read(registryKeys.shape.mirrorBase, "registry", "mirrorBase"),
        pushHost: read(registryKeys.shape.pushHost, "registry", "pushHost"),
        isDeployed: read(isSet, "registry", "deploy"),
        hasBucket: read(isSet, "registry", "deploy", "cluster", "storage", "s3"),
        host: readHost((...path) => read(hostOnly.optional(), "registry", "deploy", ...path), readFile),
        archiveHosts: readArchiveHosts(read(placesOnly, "content"), readFile),
        adopt: read(registryKeys.shape.adopt, "registry", "adopt"),
        ca: readCa(read(registryKeys.shape.ca, "registry", "ca"), readFile),
        hasSiteCa: certificate && { value: certificate.value?.siteCa !== undefined },
        clientCertificate: readCertificate(
            read(registryKeys.shape.clientCertificate, "registry", "clientCertificate"),
            readFile,
        ),
        acmeKeyId: certificate && { value: certificate.value?.acme?.keyId },
        certificateChain: certificate && readOptionalFile(certificate.value?.chainFile, readFile),
        proxy: read(registryKeys.shape.proxy, "registry", "proxy"),
        retrySeconds: read(transferKeys.shape.retrySeconds, "transfer", "retrySeconds"),
        clusters: readReachedClusters(site, defaults),
        clustersByHand: readClustersByHand(site, defaults),
        onRemove: read(onRemoveKey, "onRemove"),
        rotations: readRotations(read),
        overrides: overrides && {
            value: new Map(
                overrides.value.flatMap((set) => (set.lock === undefined ? [] : [[set.lock, set.overrides ?? []]])),
            ),
        },
        locks: locks && { value: locks.value.map(({ lock }) => lock) },
    };
}

/** Reads one key of the merged document. */
type ReadKey = <T>(schema: z.ZodType<T>, ...path: string[]) => Reading<T>;

function readRotations(read: ReadKey): ConfiguredSite["rotations"] {
    const both = read(robotsKeys.shape.rotation, "robots", "rotation");
    const importer = read(rotations.optional(), "robots", "importer", "rotation");
    const puller = read(rotations.optional(), "robots", "puller", "rotation");
    if (both === undefined || importer === undefined || puller === undefined) return undefined;
    return { value: { importer: importer.value ?? both.value, puller: puller.value ?? both.value } };
}

/** What the merged document has at a path; `value` is undefined if neither document sets it. */
function lookUp(site: Reading<unknown>, defaults: Reading<unknown>, path: readonly string[]): Reading<unknown> {
    const own = valueAt(site, path);
    return own === undefined || (own.value ?? undefined) !== undefined ? own : valueAt(defaults, path);
}

/** undefined if there is no object where the path leads through. */
function valueAt(document: Reading<unknown>, [name, ...rest]: readonly string[]): Reading<unknown> {
    if (document === undefined || name === undefined || (document.value ?? undefined) === undefined) return document;
    const { value } = document;
    if (typeof value !== "object" || Array.isArray(value)) return undefined;
    return valueAt({ value: (value as Record<string, unknown>)[name] }, rest);
}

function readCa(path: Reading<string | undefined>, readFile: (path: string) => string): Reading<string | undefined> {
    if (path?.value === undefined) return path;
    try {
        const text = readFile(path.value);
        return certificateBlocks(text).length === 0 ? undefined : { value: certificatesIn(text) };
    } catch {
        return undefined;
    }
}

/** The host of the registry: that it runs on, or that its installer works on. */
function readHost(
    read: (...path: string[]) => Reading<z.infer<typeof hostOnly> | undefined>,
    readFile: (path: string) => string,
): Reading<ConfiguredHost | undefined> {
    const [own, installer] = [read("host"), read("installer", "host")];
    const keys = own?.value === undefined ? installer : own;
    if (keys?.value === undefined) return own && installer && { value: undefined };
    const key = `site.registry.deploy.${keys === own ? "host" : "installer.host"}`;
    return { value: configuredHost(key, keys.value, readFile) };
}

function readArchiveHosts(
    content: Reading<z.infer<typeof placesOnly>>,
    readFile: (path: string) => string,
): ConfiguredSite["archiveHosts"] {
    if (content === undefined) return undefined;
    const hosts = content.value.flatMap(({ at }, index) =>
        at?.host === undefined ? [] : [configuredHost(`site.content[${index}].at.host`, at.host, readFile)],
    );
    return { value: hosts };
}

/** Of a file that cannot be read there is no text. */
function configuredHost(
    key: string,
    { address, port, user, hostKey, privateKeyFile }: z.infer<typeof hostOnly>,
    readFile: (path: string) => string,
): ConfiguredHost {
    const file = readOptionalFile(privateKeyFile, readFile);
    return {
        ...{ key, address, port, user, hostKey: hostKey.trim() },
        ...(privateKeyFile === undefined ? {} : { privateKeyFile }),
        ...(file?.value === undefined ? {} : { keyFileText: file.value }),
    };
}

function readOptionalFile(path: string | undefined, readFile: (path: string) => string): Reading<string | undefined> {
    try {
        return { value: path === undefined ? undefined : readFile(path) };
    } catch {
        return undefined;
    }
}

/** As `readClusters` names them. */
function readReachedClusters(site: Reading<unknown>, defaults: Reading<unknown>): Reading<readonly ReachedCluster[]> {
    if (site === undefined || defaults === undefined) return undefined;
    const { data } = reachedOnly.safeParse(mergeDocuments(defaults.value, site.value));
    if (data === undefined) return undefined;
    const reached = (name: string, apply: ClusterApply | undefined) => ({ name, ...(apply && { apply }) });
    const all = Object.entries(data.clusters ?? {}).map(([name, { apply }]) => reached(name, apply));
    return { value: all.length > 0 ? all : [reached("", data.cluster?.apply)] };
}

function readClustersByHand(site: Reading<unknown>, defaults: Reading<unknown>): Reading<readonly string[]> {
    if (site === undefined || defaults === undefined) return undefined;
    const { data } = byHandOnly.safeParse(mergeDocuments(defaults.value, site.value));
    if (data === undefined) return undefined;
    const named = Object.entries(data.clusters ?? {});
    const all = named.length > 0 ? named : [["", data.cluster ?? {}] as const];
    // Where nodes are not waited for, they may have the former rules long after the `up`.
    const isByHand = ({ apply, rollout, targets = [] }: z.infer<typeof byHandKeys>) =>
        (apply ?? undefined) === undefined || rollout?.wait === false || targets.length > 0;
    const found = all.filter(([, cluster]) => cluster["allowRemoval"] !== true && isByHand(cluster));
    return { value: found.map(([name]) => clusterKey({ name })) };
}

function readCertificate(
    keys: Reading<z.infer<typeof registryKeys.shape.clientCertificate>>,
    readFile: (path: string) => string,
): Reading<ConfiguredCertificate | undefined> {
    if (keys === undefined) return undefined;
    if (keys.value === undefined) return { value: undefined };
    const { certificateFile, keyFile } = keys.value;
    try {
        const certificate = readFile(certificateFile);
        return { value: { certificate, ...(keyFile === undefined ? {} : { keyFileText: readFile(keyFile) }) } };
    } catch {
        return undefined;
    }
}

/** Reads a document that configuration holds as JSON. */
export function parseJson(text: string | undefined): Reading<unknown> {
    try {
        return { value: text === undefined ? undefined : parseBoundedJson(text) };
    } catch {
        return undefined;
    }
}
