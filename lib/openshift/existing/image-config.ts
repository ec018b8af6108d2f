import { hasRealMirror } from "../rules/mirror-entries";
import { isNestedScope } from "../../oci/scope";
import { isRegistryScope } from "../rules/registry-sources";
import { type ClusterVersion, parseClusterVersion } from "../versions";
import { type BlockedRegistries, blockedRegistries, payloadRepository } from "./blocked-registries";
import {
    type ExistingCluster,
    IMAGE_CONFIG,
    type PlannedRules,
    type ClusterRefusal,
    type ClusterWarning,
    foreignObjects,
    joinNames,
    knownEntries,
} from "./existing-cluster";

const INTERNAL_REGISTRY = "image-registry.openshift-image-registry.svc:5000";
const RELEASE = "quay.io/openshift-release-dev/ocp-release";
const ART_DEV = ["quay.io/openshift-release-dev/ocp-v4.0-art-dev", "quay.io/openshift-release-dev/ocp-v5.0-art-dev"];

/** Everything that the checks of registrySources look at. */
interface Facts {
    readonly cluster: ExistingCluster;
    readonly blocked: BlockedRegistries;
    /** Our sources, and our mirrors of them. */
    readonly sources: readonly string[];
    readonly mirrors: readonly string[];
    /** Sources of all objects. */
    readonly known: ReadonlySet<string>;
    /** Our sources that are forbidden. */
    readonly never: readonly string[];
    /** Of the ClusterImagePolicy that the release brings. */
    readonly signedScopes: readonly string[];
}

/**
 * Where `registrySources` of `Image/cluster` makes the operator render nothing, or makes nodes reject images that the
 * mirror has: policy.json is judged by the name that a pod gives, never by the mirror's (containers/image, signature).
 */
export function registrySourceConflicts(cluster: ExistingCluster, planned: PlannedRules): ClusterRefusal[] {
    const facts = collectFacts(cluster, planned);
    return [
        ...invalidScopes(facts),
        ...bothLists(facts),
        ...facts.blocked.inConf.flatMap((scope) => blockedScope(facts, scope)),
        ...missingFromAllowed(facts),
        ...signedOutsideAllowed(facts),
    ];
}

/** Where `registrySources` of `Image/cluster` changes what our rules do. */
export function registrySourceWarnings(cluster: ExistingCluster, planned: PlannedRules): ClusterWarning[] {
    const facts = collectFacts(cluster, planned);
    const insecure = cluster.registrySources?.insecureRegistries ?? [];
    return [
        ...insecure.flatMap((scope) => [...insecureMirrors(facts, scope), ...reopened(facts, scope)]),
        ...facts.blocked.inPolicy.flatMap((scope) => blockedParts(facts, scope)),
        ...facts.blocked.dropped.map(notBlocked),
        ...allowedParts(facts),
    ];
}

function collectFacts(cluster: ExistingCluster, planned: PlannedRules): Facts {
    const entries = knownEntries(cluster, planned);
    const ours = entries.filter(({ isOurs }) => isOurs);
    return {
        cluster,
        blocked: blockedRegistries(cluster, [...foreignObjects(cluster, planned), ...planned.objects]),
        sources: [...new Set(ours.map(({ source }) => source))],
        mirrors: [...new Set(ours.flatMap(({ mirrors }) => mirrors))],
        known: new Set(entries.filter(hasRealMirror).map(({ source }) => source)),
        never: [...new Set(ours.filter(({ isNever }) => isNever).map(({ source }) => source))],
        signedScopes: signedScopes(parseClusterVersion(cluster.version)),
    };
}

/** 4.21 brings a policy for the release, 4.22 also for its parts. */
function signedScopes({ major, minor }: ClusterVersion): readonly string[] {
    if (major === 4 && minor < 21) return [];
    return major === 4 && minor < 22 ? [RELEASE] : [RELEASE, ...ART_DEV];
}

function refusal(problem: string, fix: string): ClusterRefusal {
    return { code: "REGISTRY_SOURCES_CONFLICT", object: IMAGE_CONFIG, problem, fix };
}

function invalidScopes({ cluster: { registrySources = {} } }: Facts): ClusterRefusal[] {
    const lists = ["insecureRegistries", "blockedRegistries", "allowedRegistries"] as const;
    return lists.flatMap((list) =>
        (registrySources[list] ?? [])
            .filter((scope) => !isRegistryScope(scope))
            .map((scope) =>
                refusal(
                    `${JSON.stringify(scope)} in ${list} is not valid; the operator then renders no mirror rules at all`,
                    "write host[:port][/path], or *.host without port and path",
                ),
            ),
    );
}

/** updatePolicyJSON: the payload's repository alone may be allowed beside blocked registries. */
function bothLists({ cluster, blocked: { allowed, inPolicy } }: Facts): ClusterRefusal[] {
    const isPayloadAlone = allowed.length === 1 && allowed[0] === payloadRepository(cluster);
    if (allowed.length === 0 || inPolicy.length === 0 || isPayloadAlone) return [];
    return [
        refusal(
            "allowedRegistries and blockedRegistries exclude each other (a blocked registry around the release payload " +
                "counts as both); the operator then renders no mirror rules at all",
            "keep one of the two lists, and name no registry twice around the release payload",
        ),
    ];
}

function blockedScope(facts: Facts, scope: string): ClusterRefusal[] {
    const { blocked, sources, mirrors, signedScopes: signed } = facts;
    const within = (names: readonly string[]) => names.filter((name) => isNestedScope(name, scope));
    const isRejected = blocked.inPolicy.includes(scope);
    const found: ClusterRefusal[] = [];
    if (within(mirrors).length > 0) {
        found.push(
            refusal(
                `blockedRegistries has ${scope}, so nodes may not contact the mirror ${joinNames(within(mirrors))}`,
                `take ${scope} out of blockedRegistries`,
            ),
        );
    }
    if (isRejected && within(signed).length > 0) {
        found.push(
            refusal(
                `blockedRegistries has ${scope}, around ${joinNames(within(signed))} of the ClusterImagePolicy openshift; ` +
                    "the operator then renders no mirror rules at all",
                `take ${scope} out of blockedRegistries; contactSource: never forbids the upstream instead`,
            ),
        );
    } else if (isRejected && within(sources).length > 0) {
        found.push(
            refusal(
                `blockedRegistries has ${scope}, so nodes reject images of ${joinNames(within(sources))} by that name, ` +
                    "also those that the mirror has",
                `take ${scope} out of blockedRegistries; contactSource: never forbids the upstream instead`,
            ),
        );
    }
    return found;
}

function isAllowed({ blocked }: Facts, name: string): boolean {
    return blocked.allowed.some((scope) => isNestedScope(name, scope));
}

/** Only a part of it, such as one organisation, is allowed. */
function allowedWithin({ blocked }: Facts, name: string): string[] {
    return blocked.allowed.filter((scope) => isNestedScope(scope, name));
}

/** Blocked registries around the payload make the operator allow the payload, which is no list of an administrator. */
function hasAllowedList({ cluster }: Facts): boolean {
    return (cluster.registrySources?.allowedRegistries ?? []).length > 0;
}

function missingFromAllowed(facts: Facts): ClusterRefusal[] {
    if (!hasAllowedList(facts)) return [];
    const isMissing = (name: string) => !isAllowed(facts, name) && allowedWithin(facts, name).length === 0;
    const sources = facts.sources
        .filter(isMissing)
        .map((source) =>
            refusal(
                `allowedRegistries lacks ${source}, so nodes reject its images by that name, also those that the mirror has`,
                `add ${source} to allowedRegistries`,
            ),
        );
    const mirrors = facts.mirrors.filter(isMissing);
    if (mirrors.length === 0) return sources;
    return [
        ...sources,
        refusal(
            `allowedRegistries lacks the mirror ${joinNames(mirrors)}, so nodes reject images that are named by it`,
            `add ${joinNames(mirrors.map((mirror) => mirror.split("/")[0] ?? mirror))} to allowedRegistries`,
        ),
    ];
}

function signedOutsideAllowed(facts: Facts): ClusterRefusal[] {
    if (!hasAllowedList(facts)) return [];
    const outside = facts.signedScopes.filter((scope) => !isAllowed(facts, scope));
    if (outside.length === 0) return [];
    return [
        refusal(
            `allowedRegistries lacks ${joinNames(outside)} of the ClusterImagePolicy openshift; the operator then renders no mirror rules at all`,
            `add ${joinNames(outside)} to allowedRegistries`,
        ),
    ];
}

function insecureMirrors({ mirrors }: Facts, scope: string): ClusterWarning[] {
    const found = mirrors.filter((mirror) => isNestedScope(mirror, scope));
    if (found.length === 0) return [];
    return [
        {
            object: IMAGE_CONFIG,
            problem: `insecureRegistries has ${scope}, so nodes do not verify the certificate of the mirror ${joinNames(found)}`,
            fix: `take ${scope} out of insecureRegistries, once the nodes trust the mirror's CA`,
        },
    ];
}

/** A rule of its own for the scope hides the parent's, and takes its mirrors, not its policy. */
function reopened({ never, known }: Facts, scope: string): ClusterWarning[] {
    return never
        .filter((source) => source !== scope && isNestedScope(scope, source) && !known.has(scope))
        .map((source) => ({
            object: IMAGE_CONFIG,
            problem: `insecureRegistries has ${scope}, which allows its upstream again although ${source} is forbidden`,
            fix: `take ${scope} out of insecureRegistries`,
        }));
}

function blockedParts({ sources }: Facts, scope: string): ClusterWarning[] {
    return sources
        .filter((source) => source !== scope && isNestedScope(scope, source))
        .map((source) => ({
            object: IMAGE_CONFIG,
            problem: `blockedRegistries has ${scope}, so nodes reject these images of ${source}, also those that the mirror has`,
            fix: `take ${scope} out of blockedRegistries, or leave its images out of the image set`,
        }));
}

function notBlocked(scope: string): ClusterWarning {
    return {
        object: IMAGE_CONFIG,
        problem: `blockedRegistries has ${scope}, which the operator ignores: it holds the release payload, which has no digest mirror`,
        fix: `take ${scope} out of blockedRegistries`,
    };
}

function allowedParts(facts: Facts): ClusterWarning[] {
    if (!hasAllowedList(facts)) return [];
    const parts = [...facts.sources, ...facts.mirrors].flatMap((name): ClusterWarning[] => {
        const within = isAllowed(facts, name) ? [] : allowedWithin(facts, name);
        if (within.length === 0) return [];
        return [
            {
                object: IMAGE_CONFIG,
                problem: `allowedRegistries has only ${joinNames(within)} of ${name}: nodes reject its other images`,
                fix: `add ${name} to allowedRegistries, unless that is meant`,
            },
        ];
    });
    if (isAllowed(facts, INTERNAL_REGISTRY)) return parts;
    return [
        ...parts,
        {
            object: IMAGE_CONFIG,
            problem: `allowedRegistries lacks ${INTERNAL_REGISTRY}: nodes reject the images of the cluster's own registry`,
            fix: `add ${INTERNAL_REGISTRY} to allowedRegistries`,
        },
    ];
}
