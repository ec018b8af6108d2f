import { MIRROR_NAME_FIX, isMirrorLocation, isMirrorSource } from "../rules/mirror-object-types";
import { checksNames, parseClusterVersion } from "../versions";
import {
    type ExistingCluster,
    type KnownEntry,
    type PlannedRules,
    type ClusterRefusal,
    bySource,
    joinNames,
    knownEntries,
} from "./existing-cluster";
import { isInternalReleaseMirror } from "./internal-release";
import { isBelow } from "./shadowing";

/**
 * What would stop the operator from rendering any rule of the cluster (machine-config-operator,
 * pkg/controller/container-runtime-config/helpers.go, validateRegistriesConfScopes): every entry counts, also one without
 * mirrors or with the source alone. Also conflicts between objects of others: our rules would never reach a node.
 */
export function ruleConflicts(cluster: ExistingCluster, planned: PlannedRules): ClusterRefusal[] {
    const entries = knownEntries(cluster, planned);
    const version = parseClusterVersion(cluster.version);
    return [
        ...[...bySource(entries).values()].flatMap(policyConflict),
        ...entries.flatMap(ownMirror),
        ...(checksNames(version) ? entries.flatMap(invalidName) : []),
        ...shadowedRelease(entries),
    ];
}

function policyConflict(entries: readonly KnownEntry[]): ClusterRefusal[] {
    const [never, allow] = [entries.filter(({ isNever }) => isNever), entries.filter(({ isNever }) => !isNever)];
    const [first, second] = [never[0], allow[0]];
    if (first === undefined || second === undefined) return [];
    const foreign = entries.filter(({ isOurs }) => !isOurs);
    const objects = joinNames((foreign.length === 0 ? entries : foreign).map(({ object }) => object));
    const [forbids, allows] = [never, allow].map((some) => joinNames(some.map(({ object }) => object)));
    return [
        {
            code: "MIRROR_POLICY_CONFLICT",
            object: objects,
            problem:
                `${first.source}: ${forbids} forbids the upstream (NeverContactSource), ${allows} allows it; ` +
                "the operator then renders no mirror rules at all",
            fix: policyFix(first.source, never, allow),
        },
    ];
}

function policyFix(source: string, never: readonly KnownEntry[], allow: readonly KnownEntry[]): string {
    const foreign = (entries: readonly KnownEntry[]) => entries.filter(({ isOurs }) => !isOurs);
    const names = (entries: readonly KnownEntry[]) => joinNames(entries.map(({ object }) => object));
    const [theirNever, theirAllow] = [foreign(never), foreign(allow)];
    if (theirNever.length > 0 && theirAllow.length > 0) {
        return `set the same mirrorSourcePolicy for ${source} in ${names([...theirNever, ...theirAllow])}`;
    }
    if (theirNever.length > 0) {
        return (
            `take NeverContactSource for ${source} out of ${names(theirNever)}; with contactSource: never, our rules ` +
            "forbid the upstream as soon as every node has them"
        );
    }
    const policies = theirAllow.filter(({ object }) => object.startsWith("ImageContentSourcePolicy "));
    const change =
        policies.length > 0
            ? `replace ${names(policies)}, which cannot forbid, by an ImageDigestMirrorSet with NeverContactSource`
            : `set mirrorSourcePolicy: NeverContactSource for ${source} in ${names(theirAllow)}`;
    return theirAllow.length === 0
        ? `set the same mirrorSourcePolicy for ${source} in ${names([...never, ...allow])}`
        : `set contactSource: allow, or ${change}`;
}

function ownMirror({ source, mirrors, isNever, object }: KnownEntry): ClusterRefusal[] {
    if (!isNever || !mirrors.includes(source)) return [];
    return [
        {
            code: "MIRROR_POLICY_CONFLICT",
            object,
            problem: `${source} is forbidden (NeverContactSource) and is one of its own mirrors`,
            fix: `take ${source} out of its mirrors, or set AllowContactingSource`,
        },
    ];
}

function invalidName({ source, mirrors, object }: KnownEntry): ClusterRefusal[] {
    const invalid = isMirrorSource(source) ? mirrors.find((mirror) => !isMirrorLocation(mirror)) : source;
    if (invalid === undefined) return [];
    return [
        {
            code: "MIRROR_RULE_INVALID",
            object,
            problem: `${JSON.stringify(invalid)} is not a valid ${invalid === source ? "source" : "mirror"}; the operator then renders no mirror rules at all`,
            fix: MIRROR_NAME_FIX,
        },
    ];
}

/** A source of ours below one that the release registry of the nodes serves would take its images away from it. */
function shadowedRelease(entries: readonly KnownEntry[]): ClusterRefusal[] {
    const release = entries.filter(({ isOurs, mirrors }) => !isOurs && mirrors.some(isInternalReleaseMirror));
    const ours = [...new Set(entries.filter(({ isOurs }) => isOurs).map(({ source }) => source))];
    return release.flatMap(({ source, object }) =>
        ours
            .filter((own) => isBelow(own, source))
            .map((own): ClusterRefusal => ({
                code: "MIRROR_SHADOWS_RELEASE",
                object,
                problem: `our source ${own} would hide ${source}, which the release registry of the nodes serves`,
                fix: `name ${source} as the upstream, so that both mirrors are merged, or leave ${own} out`,
            })),
    );
}
