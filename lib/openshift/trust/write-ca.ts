import { PassthroughError } from "../../errors/errors";
import type { ClusterClient, NewObject } from "../../kubernetes/cluster-client";
import type { ConfigMap } from "../rollout/rollout-objects";
import { type WriteOptions, isConflict, retryConflicts } from "./conflict-retry";
import { type WrittenTrust, caHash, trustExists } from "./desired-trust";
import {
    CREATED_LABEL,
    type ImageConfig,
    TRUST_NAMES,
    TRUST_PATHS,
    configuredCa,
    isCreatedHere,
    otherKeys,
    removeCaPatch,
    setCaPatch,
} from "./trusted-ca";

/** Where a cluster has the CAs of registries. */
export interface CaPlace {
    readonly image: ImageConfig;
    /** Of the ConfigMap in `openshift-config`. */
    readonly name: string;
    /** Image/cluster names it. */
    readonly isNamed: boolean;
    /** Absent: it does not exist. */
    readonly configMap: ConfigMap | undefined;
}

/**
 * Reads where the cluster has the CAs of registries, or where they would be.
 * @throws PassthroughError `CLUSTER_OBJECT_INVALID`; ClusterError
 */
export async function readCaPlace(client: ClusterClient): Promise<CaPlace> {
    const image = await client.get<ImageConfig>(TRUST_PATHS.images, TRUST_NAMES.image);
    if (image === undefined) throw missingObject(client, "Image/cluster");
    const named = image.spec?.additionalTrustedCA?.name ?? "";
    const name = named === "" ? TRUST_NAMES.configMap : named;
    const configMap = await client.get<ConfigMap>(TRUST_PATHS.configMaps, name);
    return { image, name, isNamed: named !== "", configMap };
}

/** @param thing "Image/cluster" */
export function missingObject({ server }: ClusterClient, thing: string): PassthroughError {
    return new PassthroughError("it does not exist, although every OpenShift cluster has it", {
        code: "CLUSTER_OBJECT_INVALID",
        place: { cluster: server },
        thing,
        fix: "check that the kubeconfig and its context are those of the cluster",
    });
}

/** What `writeCa` is to do. */
export interface CaChange {
    /** `registry.example..8443` */
    readonly key: string;
    readonly pem: string;
    readonly adopt: boolean;
    /** What earlier runs have written. */
    readonly before: WrittenTrust;
}

/**
 * Refuses what would take something from others.
 * @throws PassthroughError `TRUST_EXISTS`
 */
export function checkCaPlace({ name, isNamed, configMap }: CaPlace, { key, pem, adopt, before }: CaChange): void {
    const existing = configuredCa(configMap, key);
    const isOurs = existing === undefined || existing === pem || wroteTo(name, before);
    if (!isOurs && !adopt) throw trustExists(`CA ${key} in ConfigMap openshift-config/${name}`);
    if (isNamed || configMap === undefined || adopt) return;
    const others = otherKeys(configMap, key);
    // The cluster does not trust them today.
    if (others.length > 0) throw unnamedConfigMap(name, others);
}

/** True if an earlier run wrote to this ConfigMap. A preview knows that one wrote, and not where. */
function wroteTo(name: string, { caHash: written, configMap }: WrittenTrust): boolean {
    return written !== undefined && (configMap ?? name) === name;
}

function unnamedConfigMap(name: string, others: readonly string[]): PassthroughError {
    return new PassthroughError(
        `Image/cluster does not name it, and naming it would make the cluster trust other CAs too (${others.join(", ")})`,
        {
            code: "TRUST_EXISTS",
            thing: `ConfigMap openshift-config/${name}`,
            fix: "name it in spec.additionalTrustedCA of Image/cluster, or remove it, or set cluster.adopt: true to use it",
        },
    );
}

/**
 * Puts a CA into the ConfigMap that Image/cluster names, or creates one and names it. Everything else stays.
 * @returns what state is to have of it, and why the CA was left in the ConfigMap that Image/cluster named before, if it was
 * @throws PassthroughError `TRUST_EXISTS`, `CLUSTER_OBJECT_INVALID`; ClusterError
 */
export async function writeCa(
    client: ClusterClient,
    change: CaChange,
    options: WriteOptions,
): Promise<{ readonly written: WrittenTrust; readonly left: string | undefined }> {
    const written = await retryConflicts(options, async () => {
        const place = await readCaPlace(client);
        checkCaPlace(place, change);
        const isFound = place.isNamed && isForeignCa(place.configMap, change);
        await putCa(client, place, change);
        if (!place.isNamed) await nameConfigMap(client, place.image, place.name);
        const wasFound = wroteTo(place.name, change.before) ? change.before.caFound === true : isFound;
        return {
            configMap: place.name,
            caHash: caHash(change.pem),
            ...(wasFound ? { caFound: true as const } : {}),
        };
    });
    const former = change.before.configMap;
    const left =
        former === undefined || former === written.configMap
            ? undefined
            : await removeCa(client, change.key, change.before, options);
    return { written, left };
}

/** True if somebody else has put this very CA there. */
function isForeignCa(configMap: ConfigMap | undefined, { key, pem }: CaChange): boolean {
    return configMap !== undefined && !isCreatedHere(configMap) && configuredCa(configMap, key) === pem;
}

async function putCa(client: ClusterClient, { name, isNamed, configMap }: CaPlace, { key, pem }: CaChange) {
    if (configMap === undefined) {
        const { namespace } = TRUST_PATHS.configMaps;
        const created: NewObject & Pick<ConfigMap, "data"> = {
            apiVersion: "v1",
            kind: "ConfigMap",
            // One that Image/cluster named before is its owner's, who will create it: it stays at the end.
            metadata: { name, namespace, ...(isNamed ? {} : { labels: CREATED_LABEL }) },
            data: { [key]: pem },
        };
        await client.create(TRUST_PATHS.configMaps, created);
    } else if (configuredCa(configMap, key) !== pem) {
        await patchConfigMap(client, configMap, setCaPatch(configMap, key, pem));
    }
}

async function patchConfigMap(
    client: ClusterClient,
    { metadata }: ConfigMap,
    patch: Readonly<Record<string, unknown>>,
): Promise<ConfigMap> {
    const { resourceVersion = "" } = metadata;
    return client.patch<ConfigMap>(TRUST_PATHS.configMaps, metadata.name, { ...patch, metadata: { resourceVersion } });
}

async function nameConfigMap(client: ClusterClient, { metadata }: ImageConfig, name: string | null): Promise<void> {
    const { resourceVersion = "" } = metadata;
    const additionalTrustedCA = name === null ? null : { name };
    const patch = { metadata: { resourceVersion }, spec: { additionalTrustedCA } };
    await client.patch(TRUST_PATHS.images, metadata.name, patch);
}

/**
 * Takes the CA out of its ConfigMap if it still is the one that was written. A ConfigMap that this program has created and
 * that holds nothing else goes too, and Image/cluster names none again, as before.
 * @returns why it was left, if it was
 * @throws ClusterError
 */
export async function removeCa(
    client: ClusterClient,
    key: string,
    before: WrittenTrust,
    options: WriteOptions,
): Promise<string | undefined> {
    const { configMap: name, caFound } = before;
    if (name === undefined) return undefined;
    return retryConflicts(options, async () => {
        const configMap = await client.get<ConfigMap>(TRUST_PATHS.configMaps, name);
        if (configMap === undefined) return undefined;
        const existing = configuredCa(configMap, key);
        const thing = `CA ${key} in ConfigMap openshift-config/${name}`;
        if (caFound === true) return `${thing} stays: it was there before`;
        if (existing !== undefined && caHash(existing) !== before.caHash) return `${thing} stays: it has been changed`;
        const rest =
            existing === undefined ? configMap : await patchConfigMap(client, configMap, removeCaPatch(configMap, key));
        if (isCreatedHere(rest) && otherKeys(rest, key).length === 0) await removeConfigMap(client, rest);
        return undefined;
    });
}

/** What somebody adds in the meantime must keep its effect: then Image/cluster names the ConfigMap again. */
async function removeConfigMap(client: ClusterClient, { metadata }: ConfigMap): Promise<void> {
    const { name, resourceVersion = "" } = metadata;
    const isNamedIn = (image: ImageConfig | undefined) => image?.spec?.additionalTrustedCA?.name === name;
    const image = await client.get<ImageConfig>(TRUST_PATHS.images, TRUST_NAMES.image);
    if (image !== undefined && isNamedIn(image)) await nameConfigMap(client, image, null);
    try {
        await client.remove(TRUST_PATHS.configMaps, name, resourceVersion);
    } catch (error) {
        if (!isConflict(error) || !isNamedIn(image)) throw error;
        const current = await client.get<ImageConfig>(TRUST_PATHS.images, TRUST_NAMES.image);
        if (current !== undefined && !isNamedIn(current)) await nameConfigMap(client, current, name);
        throw error;
    }
}
