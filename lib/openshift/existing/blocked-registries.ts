import { parseReference, repositoryName } from "../../oci/reference";
import { PassthroughError } from "../../errors/errors";
import type { MirrorObject } from "../rules/mirror-object-types";
import { registriesConf } from "../rules/registries-conf";
import { isNestedScope } from "../../oci/scope";
import { resolvePull } from "../rules/resolve";
import type { ExistingCluster } from "./existing-cluster";

/** What becomes of blockedRegistries and allowedRegistries. */
export interface BlockedRegistries {
    /** Blocked in registries.conf. */
    readonly inConf: readonly string[];
    /** Rejected by policy.json. */
    readonly inPolicy: readonly string[];
    /** Not blocked anywhere: they hold the release payload, which has no mirror that could be used. */
    readonly dropped: readonly string[];
    /** The only ones that policy.json accepts; empty: all. */
    readonly allowed: readonly string[];
}

/**
 * The registries that are really blocked: the repository of the release payload must stay within reach
 * (machine-config-operator, pkg/controller/container-runtime-config/helpers.go, getValidBlockedAndAllowedRegistries).
 * @param objects all mirror objects, ours included
 */
export function blockedRegistries(cluster: ExistingCluster, objects: readonly MirrorObject[]): BlockedRegistries {
    const { registrySources: { blockedRegistries: listed = [], allowedRegistries: allowed = [] } = {} } = cluster;
    const payload = payloadRepository(cluster);
    const around = payload === undefined ? [] : listed.filter((scope) => isNestedScope(payload, scope));
    if (payload === undefined || around.length === 0) {
        return { inConf: listed, inPolicy: listed, dropped: [], allowed };
    }
    const others = listed.filter((scope) => !around.includes(scope));
    if (!hasUsableMirror(cluster, objects)) return { inConf: others, inPolicy: others, dropped: around, allowed };
    return {
        inConf: listed,
        inPolicy: listed.filter((scope) => scope !== payload),
        dropped: [],
        // The operator adds it once for each entry around it.
        allowed: [...around.map(() => payload), ...allowed],
    };
}

/** `quay.io/openshift-release-dev/ocp-release`; undefined if the release image is not known. */
export function payloadRepository({ releaseImage }: ExistingCluster): string | undefined {
    return releaseImage === undefined ? undefined : repositoryName(parseReference(releaseImage));
}

/** Digest mirrors alone count: the payload is pulled by digest. */
function hasUsableMirror(cluster: ExistingCluster, objects: readonly MirrorObject[]): boolean {
    const { registrySources = {}, releaseImage = "", version } = cluster;
    const digestObjects = objects.filter(({ kind }) => kind !== "ImageTagMirrorSet");
    try {
        const conf = registriesConf(digestObjects, version, registrySources);
        const { attempts, refused } = resolvePull(conf, parseReference(releaseImage));
        const blocked = registrySources.blockedRegistries ?? [];
        return [...attempts, ...refused].some(({ reference }) => {
            const name = repositoryName(parseReference(reference));
            return !blocked.some((scope) => isNestedScope(name, scope));
        });
    } catch (error) {
        if (error instanceof PassthroughError) return false;
        throw error;
    }
}
