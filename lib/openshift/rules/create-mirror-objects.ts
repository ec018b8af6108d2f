import { PassthroughError } from "../../errors/errors";
import {
    type MirrorBase,
    formatMirrorBase,
    mirrorConflicts,
    mirrorSourceLocation,
} from "../../mirror/mirror-reference";
import { canonicalRegistry } from "../../oci/reference";
import { classifyUpstream } from "../../mirror/upstreams";
import {
    type MirrorEntry,
    type MirrorObject,
    type MirrorSourcePolicy,
    MIRROR_NAME_FIX,
    isMirrorLocation,
    isMirrorSource,
} from "./mirror-object-types";
import { OBJECT_NAME } from "../object-name";
import { mirrorKinds } from "../versions";

/** An upstream host with content in the mirror. */
export interface MirroredHost {
    /** `host[:port]` as pull specs name it; `host/path` for a part of a host. */
    readonly host: string;
    /** The mirror has images of it that are named by tag. */
    readonly tags: boolean;
    /** The mirror has images of it under the digests that they have upstream. */
    readonly digests: boolean;
    /** Makes a rule although the host is known not to be a registry. */
    readonly evenIfEgressOnly?: boolean;
}

export interface MirrorRuleOptions {
    readonly base: MirrorBase;
    readonly hosts: readonly MirroredHost[];
    /** Whether a node may ask the upstream when the mirror lacks an image. */
    readonly contactSource: "allow" | "never";
    /** `4.18.20` or `4.18`; absent: the newest. */
    readonly clusterVersion?: string | undefined;
    /** Names of the objects; default `passthrough-digest`, `passthrough-tag`, and `passthrough` for an ICSP. */
    readonly names?: { readonly digest?: string; readonly tag?: string; readonly policy?: string };
}

export interface MirrorRules {
    /** One object per kind, IDMS before ITMS; none if no host gets a rule. */
    readonly objects: readonly MirrorObject[];
    /** The sources that have a rule, sorted. */
    readonly sources: readonly string[];
    /** What people should know: whole sentences. */
    readonly notes: readonly string[];
}

/**
 * The objects that redirect pulls of the hosts to the mirror.
 *
 * IDMS and ITMS come as a pair with the same sources and the same policy: `never` in one of them forbids the source for
 * both forms, so a lone entry would fail every pull of the other; and an ITMS that exists from the start is not the
 * drain that the first tagged image would cost later. Only a host whose images all lost their upstream digest has an
 * ITMS entry alone: no pull by digest could be served.
 * @throws PassthroughError `MIRROR_CONFLICT` if two hosts map alike, `MIRROR_BLOCKED` if the rules would forbid their
 * own mirror, `MIRROR_RULE_INVALID` if the API would refuse a name, source or mirror; as `hostSegment` and `mirrorKinds`
 * do.
 */
export function mirrorRules(options: MirrorRuleOptions): MirrorRules {
    const { base } = options;
    const { kinds, notes } = mirrorKinds(options.clusterVersion);
    const isPair = kinds.includes("IDMS");
    const hosts = mergeHosts(options.hosts.filter(isWanted));
    const never = options.contactSource === "never" && isPair;
    refuseConflicts(base, hosts);
    if (never) refuseBlockedMirror(base, hosts);
    const ruled = isPair ? hosts : hosts.filter(({ digests }) => digests);
    const policy = never ? "NeverContactSource" : "AllowContactingSource";
    const entries = ruled.map(({ host }) => mirrorEntry(base, host, policy));
    const byDigest = ruled.filter(({ digests }) => digests).map(({ host }) => mirrorEntry(base, host, policy));
    return {
        objects: entries.length === 0 ? [] : createMirrorObjects(isPair, byDigest, entries, options.names ?? {}),
        sources: entries.map((entry) => entry.source),
        notes: [...(entries.length === 0 ? [] : notes), ...hostNotes(options, hosts, isPair)],
    };
}

function isWanted(host: MirroredHost): boolean {
    const isEgressOnly = classifyUpstream(host.host)?.class === "egress-only";
    return (host.tags || host.digests) && (host.evenIfEgressOnly === true || !isEgressOnly);
}

function mergeHosts(hosts: readonly MirroredHost[]): MirroredHost[] {
    const merged = new Map<string, MirroredHost>();
    for (const { host, tags, digests } of hosts) {
        const source = canonicalSource(host);
        const before = merged.get(source);
        merged.set(source, {
            host: source,
            tags: tags || before?.tags === true,
            digests: digests || before?.digests === true,
        });
    }
    return [...merged.values()].sort((a, b) => (a.host < b.host ? -1 : 1));
}

function canonicalSource(text: string): string {
    const [host, path] = splitSource(text);
    return `${canonicalRegistry(host) ?? host}${path}`;
}

function splitSource(source: string): [host: string, path: string] {
    const slash = source.indexOf("/");
    return slash === -1 ? [source, ""] : [source.slice(0, slash), source.slice(slash)];
}

function mirrorEntry(base: MirrorBase, source: string, mirrorSourcePolicy: MirrorSourcePolicy): MirrorEntry {
    const [host, path] = splitSource(source);
    const mirror = `${mirrorSourceLocation(base, host)}${path}`;
    if (!isMirrorSource(source)) throw refused(`source ${JSON.stringify(source)}`);
    if (!isMirrorLocation(mirror)) throw refused(`mirror ${JSON.stringify(mirror)}`);
    return { source, mirrors: [mirror], mirrorSourcePolicy };
}

function refused(thing: string): Error {
    return new PassthroughError("the cluster's API does not accept it", {
        code: "MIRROR_RULE_INVALID",
        thing: `mirror rule, ${thing}`,
        fix: MIRROR_NAME_FIX,
    });
}

function refuseConflicts(base: MirrorBase, hosts: readonly MirroredHost[]): void {
    const sources = hosts.map(({ host }) => ({ registry: splitSource(host)[0], repository: "" }));
    const conflict = mirrorConflicts(base, sources)[0];
    if (conflict === undefined) return;
    throw new PassthroughError(`${conflict.hosts.join(" and ")} both map to ${conflict.location}`, {
        code: "MIRROR_CONFLICT",
        thing: "mirror rules",
        fix: "mirror only one of them here, or give the other a mirror base of its own",
    });
}

/** A mirror whose own location matches a blocked source is refused by the container runtime. */
function refuseBlockedMirror(base: MirrorBase, hosts: readonly MirroredHost[]): void {
    const location = formatMirrorBase(base);
    const blocking = hosts.find(
        ({ host }) => `${location}/`.startsWith(`${host}/`) || base.host.startsWith(`${host}:`),
    );
    if (blocking === undefined) return;
    throw new PassthroughError(`forbidding ${blocking.host} forbids the mirror ${location} itself`, {
        code: "MIRROR_BLOCKED",
        thing: "mirror rules",
        fix: `set contactSource: allow, or leave ${blocking.host} out of the upstreams`,
    });
}

function createMirrorObjects(
    isPair: boolean,
    byDigest: readonly MirrorEntry[],
    byTag: readonly MirrorEntry[],
    names: NonNullable<MirrorRuleOptions["names"]>,
): MirrorObject[] {
    if (!isPair) {
        return [
            {
                apiVersion: "operator.openshift.io/v1alpha1",
                kind: "ImageContentSourcePolicy",
                metadata: { name: objectName(names.policy ?? "passthrough") },
                spec: { repositoryDigestMirrors: byDigest.map(({ source, mirrors }) => ({ source, mirrors })) },
            },
        ];
    }
    const digestSet: MirrorObject = {
        apiVersion: "config.openshift.io/v1",
        kind: "ImageDigestMirrorSet",
        metadata: { name: objectName(names.digest ?? "passthrough-digest") },
        spec: { imageDigestMirrors: byDigest },
    };
    const tagSet: MirrorObject = {
        apiVersion: "config.openshift.io/v1",
        kind: "ImageTagMirrorSet",
        metadata: { name: objectName(names.tag ?? "passthrough-tag") },
        spec: { imageTagMirrors: byTag },
    };
    return byDigest.length === 0 ? [tagSet] : [digestSet, tagSet];
}

function objectName(name: string): string {
    if (OBJECT_NAME.test(name)) return name;
    throw new PassthroughError(`${JSON.stringify(name)} is not a name for a Kubernetes object`, {
        code: "MIRROR_RULE_INVALID",
        thing: "mirror rule",
        fix: "use at most 253 lower-case letters, digits, hyphens and dots (RFC 1123 subdomain)",
    });
}

function hostNotes(options: MirrorRuleOptions, hosts: readonly MirroredHost[], isPair: boolean): string[] {
    const wantsNever = options.contactSource === "never";
    const unruled = options.hosts.filter((host) => !isWanted(host)).map(unruledNote);
    const cannotForbid =
        wantsNever && !isPair && hosts.length > 0
            ? [
                  `OpenShift ${options.clusterVersion} cannot forbid the upstream with mirror objects: what the mirror ` +
                      "lacks is still asked for there. Only blockedRegistries of Image/cluster or a firewall forbids it.",
              ]
            : [];
    const untagged = hosts
        .filter(({ tags }) => wantsNever && isPair && !tags)
        .map(({ host }) => `${host}: no image in the mirror has a tag of its own, so every pull by tag will fail.`);
    const tagsAlone = hosts
        .filter(({ digests }) => !digests)
        .map(({ host }) =>
            isPair
                ? `${host}: no image in the mirror has its upstream digest, so no pull by digest comes from there.`
                : `${host}: no rule, its images are known by tag only and OpenShift ${options.clusterVersion} redirects pulls by digest alone.`,
        );
    return [...unruled, ...cannotForbid, ...untagged, ...tagsAlone];
}

function unruledNote({ host, tags, digests }: MirroredHost): string {
    if (!tags && !digests) return `${host}: no rule yet, the mirror has no content of it.`;
    return `${host}: no rule, it is ${classifyUpstream(host)?.reason ?? "not a registry"}.`;
}
