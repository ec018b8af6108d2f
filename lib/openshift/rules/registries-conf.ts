import { PassthroughError } from "../../errors/errors";
import { mergeMirrors } from "./mirror-order";
import type { MirrorEntry, MirrorObject } from "./mirror-objects";
import { type ClusterVersion, hasMirrorSets, mayMixKinds, parseClusterVersion } from "../versions";

/** One `[[registry.mirror]]` (containers-registries.conf(5)). */
export interface RegistryMirror {
    readonly location: string;
    readonly "pull-from-mirror"?: "all" | "digest-only" | "tag-only" | undefined;
    readonly insecure?: boolean | undefined;
}

/** One `[[registry]]` (containers-registries.conf(5)). It has a prefix, a location, or both. */
export interface RegistryRule {
    readonly prefix?: string | undefined;
    readonly location?: string | undefined;
    readonly blocked?: boolean | undefined;
    readonly insecure?: boolean | undefined;
    readonly "mirror-by-digest-only"?: boolean | undefined;
    readonly mirror?: readonly RegistryMirror[] | undefined;
}

/** A registries.conf; the keys are those of the file. */
export interface RegistriesConf {
    readonly "unqualified-search-registries"?: readonly string[] | undefined;
    readonly registry?: readonly RegistryRule[] | undefined;
}

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
 * pkg/registries), without what Image/cluster adds. What the operator refuses, only in its log, is an error here.
 * @param clusterVersion absent: the newest.
 * @throws PassthroughError `MIRROR_POLICY_CONFLICT`, `MIRROR_KINDS_CONFLICT`; `VERSION_INVALID`
 */
export function registriesConf(objects: readonly MirrorObject[], clusterVersion?: string): RegistriesConf {
    const version = clusterVersion === undefined ? undefined : parseClusterVersion(clusterVersion);
    refuseMixedKinds(objects, version);
    const entries = objects.flatMap(entriesOf).filter(hasRealMirror);
    const names = [...new Set(entries.map((entry) => entry.source))].sort();
    const registry = names.map((name) => {
        const source = sourceOf(
            name,
            entries.filter((entry) => entry.source === name),
        );
        return ruleOf(source, hasMirrorSets(version));
    });
    return {
        "unqualified-search-registries": SEARCH_REGISTRIES,
        ...(registry.length === 0 ? {} : { registry }),
    };
}

type FormEntry = MirrorEntry & { readonly form: "digest" | "tag" };

function entriesOf(object: MirrorObject): FormEntry[] {
    switch (object.kind) {
        case "ImageContentSourcePolicy":
            return object.spec.repositoryDigestMirrors.map((entry) => ({ ...entry, form: "digest" }));
        case "ImageDigestMirrorSet":
            return object.spec.imageDigestMirrors.map((entry) => ({ ...entry, form: "digest" }));
        case "ImageTagMirrorSet":
            return object.spec.imageTagMirrors.map((entry) => ({ ...entry, form: "tag" }));
    }
}

/** The operator ignores entries that redirect nowhere, their policy included. */
function hasRealMirror({ source, mirrors }: MirrorEntry): boolean {
    return mirrors.some((mirror) => mirror !== source);
}

function sourceOf(name: string, entries: readonly FormEntry[]): Source {
    const isNever = (entry: FormEntry): boolean => entry.mirrorSourcePolicy === "NeverContactSource";
    const isBlocked = entries.some(isNever);
    if (isBlocked && !entries.every(isNever)) {
        throw new PassthroughError(`mirror source ${name}: conflicting mirrorSourcePolicy is set for the same source`, {
            code: "MIRROR_POLICY_CONFLICT",
            fix: "set the same mirrorSourcePolicy wherever it is a source; unset, and every ImageContentSourcePolicy, means AllowContactingSource",
        });
    }
    if (isBlocked && entries.some((entry) => entry.mirrors.includes(name))) {
        throw new PassthroughError(
            `mirror source ${name}: NeverContactSource is set, and it is one of its own mirrors`,
            {
                code: "MIRROR_POLICY_CONFLICT",
                fix: `take ${name} out of its mirrors, or set AllowContactingSource`,
            },
        );
    }
    const mirrorsBy = (form: "digest" | "tag"): string[] =>
        mergeMirrors(
            name,
            entries.filter((entry) => entry.form === form).map((entry) => entry.mirrors),
        );
    return { name, isBlocked, digestMirrors: mirrorsBy("digest"), tagMirrors: mirrorsBy("tag") };
}

function ruleOf({ name, isBlocked, digestMirrors, tagMirrors }: Source, perMirror: boolean): RegistryRule {
    return {
        ...(name.startsWith("*.") ? { prefix: name } : { location: name }),
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
        throw new PassthroughError(`mirror objects: OpenShift ${shown} has no IDMS and no ITMS`, {
            code: "MIRROR_KINDS_CONFLICT",
            fix: "write an ImageContentSourcePolicy, or upgrade to 4.13 or later",
        });
    }
    if (hasNew && objects.some(isOld) && !mayMixKinds(version)) {
        throw new PassthroughError(`mirror objects: OpenShift ${shown} takes either ICSP or IDMS and ITMS, not both`, {
            code: "MIRROR_KINDS_CONFLICT",
            fix: "migrate every ImageContentSourcePolicy, or upgrade to 4.13.27, 4.14.3 or later",
        });
    }
}
