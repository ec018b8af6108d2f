import { PassthroughError } from "../../errors/errors";
import { mergeMirrors } from "./mirror-order";
import { type FormEntry, hasRealMirror, listEntries } from "./mirror-entries";
import { type MirrorObject, isMirrorLocation, isMirrorSource } from "./mirror-object-types";
import type { RegistriesConf, RegistryMirror, RegistryRule } from "./registries-conf-types";
import { type RegistrySources, emptyRule, isRegistryScope, withRegistrySources } from "./registry-sources";
import { type ClusterVersion, checksNames, hasMirrorSets, mayMixKinds, parseClusterVersion } from "../versions";

export type { RegistriesConf, RegistryMirror, RegistryRule } from "./registries-conf-types";

/** What OpenShift's nodes have before any rule. */
const SEARCH_REGISTRIES: readonly string[] = ["registry.access.redhat.com", "docker.io"];

/** What all objects say of one source. */
interface Source {
    readonly name: string;
    readonly digestMirrors: readonly string[];
    readonly tagMirrors: readonly string[];
    readonly isBlocked: boolean;
}

/**
 * The registries.conf that the machine-config operator gives every node for these objects (openshift/runtime-utils,
 * pkg/registries). What the operator refuses, only in its log, is an error here.
 * @param clusterVersion absent: the newest.
 * @param sources what Image/cluster adds: insecure and blocked registries. Search registries are in another file.
 * @throws PassthroughError `MIRROR_POLICY_CONFLICT`, `MIRROR_KINDS_CONFLICT`, `MIRROR_RULE_INVALID`,
 *     `MIRROR_WILDCARD_CONFLICT`, `REGISTRY_SOURCES_CONFLICT`; `CLUSTER_VERSION_INVALID`
 */
export function registriesConf(
    objects: readonly MirrorObject[],
    clusterVersion?: string,
    sources: RegistrySources = {},
): RegistriesConf {
    const version = clusterVersion === undefined ? undefined : parseClusterVersion(clusterVersion);
    refuseMixedKinds(objects, version);
    const entries = objects.flatMap(listEntries);
    checkEntries(entries, version);
    checkRegistryScopes(sources);
    const redirecting = entries.filter(hasRealMirror);
    const mirrored = sourcesInOrder(redirecting);
    const rules = mirrored.map((name) => {
        const own = redirecting.filter((entry) => entry.source === name);
        return toRegistryRule(mergeEntries(name, own), hasMirrorSets(version));
    });
    const registry = withRegistrySources(rules, mirrored, sources);
    return {
        "unqualified-search-registries": SEARCH_REGISTRIES,
        ...(registry.length === 0 ? {} : { registry }),
    };
}

/** The generator adds the sources of digest mirrors first, then those that have tag mirrors alone, each sorted. */
function sourcesInOrder(entries: readonly FormEntry[]): string[] {
    const sorted = (form: "digest" | "tag") =>
        [...new Set(entries.filter((entry) => entry.form === form).map(({ source }) => source))].sort();
    return [...new Set([...sorted("digest"), ...sorted("tag")])];
}

/**
 * What the machine-config operator checks before it renders anything, in all entries, also those without a mirror
 * (pkg/controller/container-runtime-config/helpers.go, validateRegistriesConfScopes).
 */
function checkEntries(entries: readonly FormEntry[], version: ClusterVersion | undefined): void {
    const policies = new Map<string, FormEntry>();
    for (const entry of entries) {
        if (checksNames(version)) checkNames(entry);
        const first = policies.get(entry.source);
        if (first !== undefined && first.isNever !== entry.isNever) throw policyConflict(entry, first);
        policies.set(entry.source, first ?? entry);
        if (entry.isNever && entry.mirrors.includes(entry.source)) throw ownMirror(entry);
    }
}

function checkNames({ source, mirrors, object }: FormEntry): void {
    const invalid = isMirrorSource(source) ? mirrors.find((mirror) => !isMirrorLocation(mirror)) : source;
    if (invalid === undefined) return;
    const kind = invalid === source ? "source" : "mirror";
    throw new PassthroughError(`${JSON.stringify(invalid)} is not a valid ${kind}`, {
        code: "MIRROR_RULE_INVALID",
        thing: object,
        fix: "write host[:port] and lower-case path components, without scheme, tag, digest or trailing slash",
    });
}

function checkRegistryScopes({ insecureRegistries = [], blockedRegistries = [] }: RegistrySources): void {
    const invalid = [...insecureRegistries, ...blockedRegistries].find((scope) => !isRegistryScope(scope));
    if (invalid === undefined) return;
    throw new PassthroughError(`${JSON.stringify(invalid)} is not a valid entry`, {
        code: "REGISTRY_SOURCES_CONFLICT",
        thing: "insecureRegistries and blockedRegistries of Image/cluster",
        fix: "write host[:port][/path], or *.host without port and path",
    });
}

function policyConflict({ source, object }: FormEntry, first: FormEntry): PassthroughError {
    const objects = object === first.object ? object : `${first.object} and ${object}`;
    return new PassthroughError(`conflicting mirrorSourcePolicy is set for the same source in ${objects}`, {
        code: "MIRROR_POLICY_CONFLICT",
        thing: `mirror source ${source}`,
        fix: "set the same mirrorSourcePolicy wherever it is a source; unset, and every ImageContentSourcePolicy, means AllowContactingSource",
    });
}

function ownMirror({ source, object }: FormEntry): PassthroughError {
    return new PassthroughError(`NeverContactSource is set, and it is one of its own mirrors in ${object}`, {
        code: "MIRROR_POLICY_CONFLICT",
        thing: `mirror source ${source}`,
        fix: `take ${source} out of its mirrors, or set AllowContactingSource`,
    });
}

function mergeEntries(name: string, entries: readonly FormEntry[]): Source {
    const merge = (form: "digest" | "tag"): string[] =>
        mergeMirrors(
            name,
            entries.filter((entry) => entry.form === form).map((entry) => entry.mirrors),
        );
    return {
        name,
        isBlocked: entries.some(({ isNever }) => isNever),
        digestMirrors: merge("digest"),
        tagMirrors: merge("tag"),
    };
}

function toRegistryRule({ name, isBlocked, digestMirrors, tagMirrors }: Source, perMirror: boolean): RegistryRule {
    return {
        ...emptyRule(name),
        ...(isBlocked ? { blocked: true } : {}),
        ...(perMirror ? {} : { "mirror-by-digest-only": true }),
        mirror: [
            ...digestMirrors.map((location): RegistryMirror =>
                perMirror ? { location, "pull-from-mirror": "digest-only" } : { location },
            ),
            ...tagMirrors.map((location): RegistryMirror => ({ location, "pull-from-mirror": "tag-only" })),
        ],
    };
}

function refuseMixedKinds(objects: readonly MirrorObject[], version: ClusterVersion | undefined): void {
    const isOld = (object: MirrorObject): boolean => object.kind === "ImageContentSourcePolicy";
    const hasNew = objects.some((object) => !isOld(object));
    const shown = version === undefined ? "" : [version.major, version.minor, version.patch ?? "x"].join(".");
    if (hasNew && !hasMirrorSets(version)) {
        throw new PassthroughError(`OpenShift ${shown} has no IDMS and no ITMS`, {
            code: "MIRROR_KINDS_CONFLICT",
            thing: "mirror objects",
            fix: "write an ImageContentSourcePolicy, or upgrade to 4.13 or later",
        });
    }
    if (hasNew && objects.some(isOld) && !mayMixKinds(version)) {
        throw new PassthroughError(`OpenShift ${shown} accepts either ICSP or IDMS and ITMS, not both`, {
            code: "MIRROR_KINDS_CONFLICT",
            thing: "mirror objects",
            fix: "migrate every ImageContentSourcePolicy, or upgrade to 4.13.27, 4.14.3 or later",
        });
    }
}
