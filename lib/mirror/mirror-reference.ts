import { type Digest, digestHex } from "../oci/digest";
import type { ErrorCode } from "../errors/codes";
import { PassthroughError } from "../errors/errors";
import { quotedAscii } from "../errors/text";
import { mirrorBaseProblems, shownMirrorBase, tidyMirrorBase } from "./mirror-base-problems";
import {
    type Reference,
    canonicalRegistry,
    formatReference,
    hostProblem,
    isRepository,
    isTag,
    repositoryName,
} from "../oci/reference";

/** Where mirrored repositories live: everything appends `/<upstream-host>/<path>` to `host/prefix`. */
export interface MirrorBase {
    /** `host` or `host:port`, lower case. */
    readonly host: string;
    /** Path below the host without slashes at its ends; "" where the host alone is the base. */
    readonly prefix: string;
}

/** Upstream hosts whose images would end up in one place. */
export interface MirrorConflict {
    /** The one place, `host/prefix/segment`. */
    readonly location: string;
    /** Two or more upstream hosts, sorted. */
    readonly hosts: readonly string[];
    /** The source repositories concerned (`host/path`), sorted. */
    readonly repositories: readonly string[];
}

/** `host[:port]/name` may not be longer for many clients (distribution-spec, "Pulling manifests"). */
const MAX_NAME_LENGTH = 255;

/**
 * Reads a mirror base such as `registry.site-a.local:8443/mirror` or, where one host name is one repository,
 * `mirror.registry.site-a.local`. IPv6 literals are refused: no mirror rule can name one.
 * @throws PassthroughError `MIRROR_BASE_INVALID` with everything that is wrong with it
 */
export function parseMirrorBase(text: string): MirrorBase {
    const problems = mirrorBaseProblems(text);
    const [first = "", ...rest] = text.split("/");
    const host = canonicalRegistry(first);
    if (problems.length === 0 && host !== undefined) return { host, prefix: rest.join("/") };
    const fixes = new Set(problems.map(({ fix }) => fix));
    throw new PassthroughError(problems.map(({ what }) => what).join(", and "), {
        code: "MIRROR_BASE_INVALID",
        thing: `mirror base ${shownMirrorBase(text)}`,
        fix: [...fixes].join(", and "),
    });
}

/** The mirror base that a text means which has mistakes that can only be meant in one way; undefined if there is none. */
export function intendedMirrorBase(text: string): MirrorBase | undefined {
    const tidy = tidyMirrorBase(text);
    return mirrorBaseProblems(tidy).length === 0 ? parseMirrorBase(tidy) : undefined;
}

/** True if both are the same place: hosts are compared in lower case. A text that is no mirror base is only like itself. */
export function isSameMirrorBase(one: string, other: string): boolean {
    return one === other || canonicalBase(one) === canonicalBase(other);
}

function canonicalBase(text: string): string {
    try {
        return formatMirrorBase(parseMirrorBase(text));
    } catch {
        return text;
    }
}

/** `host[:port]/prefix`, or the host alone. */
export function formatMirrorBase(base: MirrorBase): string {
    return base.prefix === "" ? base.host : `${base.host}/${base.prefix}`;
}

/**
 * The path component that stands for an upstream host: lower case, `index.docker.io` as `docker.io`, and `host:5000`
 * as `host-5000`, since a repository name has no colon. IPv6 literals are refused: nothing can redirect their pulls.
 * @throws PassthroughError `MIRROR_HOST_INVALID`
 */
function hostSegment(host: string): string {
    const canonical = canonicalRegistry(host);
    if (canonical === undefined || canonical.includes("[")) {
        const isAddress = host.includes("[");
        const [what, ascii] = hostProblem(host);
        throw new PassthroughError(isAddress ? "an IPv6 literal" : ascii === undefined ? "not a host" : what, {
            code: "MIRROR_HOST_INVALID",
            thing: `upstream host ${quotedAscii(host)}`,
            fix: isAddress
                ? "use the registry's DNS name: neither a repository name nor a mirror rule can hold an IPv6 literal"
                : (ascii ?? "write the registry's host name as it stands in pull specs, with :port if they have one"),
        });
    }
    return canonical.replace(":", "-");
}

/**
 * What a mirror rule for an upstream host points at: `host[:port]/prefix/<segment>`.
 * @throws PassthroughError `MIRROR_HOST_INVALID`
 */
export function mirrorSourceLocation(base: MirrorBase, host: string): string {
    return `${formatMirrorBase(base)}/${hostSegment(host)}`;
}

/**
 * The repository at the mirror, without the mirror's host, of a source repository `host/path` (`repositoryName`).
 * @throws PassthroughError `REFERENCE_INVALID` if it is not `host/path`; as `mirrorReference` does.
 */
export function mirrorRepository(base: MirrorBase, sourceRepository: string): string {
    const slash = sourceRepository.indexOf("/");
    if (slash === -1) {
        throw new PassthroughError("it names no host", {
            code: "REFERENCE_INVALID",
            thing: `source repository ${JSON.stringify(sourceRepository)}`,
            fix: "write host/path, as in docker.io/library/nginx",
        });
    }
    const registry = sourceRepository.slice(0, slash);
    return mirrorReference(base, { registry, repository: sourceRepository.slice(slash + 1) }).repository;
}

/**
 * The one naming function: where the image of a source reference lies in the mirror. Tag and digest are kept as they
 * are; a reference by digest alone gets no tag here (see `protectingTag`).
 * @throws PassthroughError `MIRROR_HOST_INVALID`, `MIRROR_NAME_INVALID` or `MIRROR_NAME_TOO_LONG`, naming the source,
 * the result and the limit.
 */
export function mirrorReference(base: MirrorBase, source: Reference): Reference {
    const segments = [base.prefix, hostSegment(source.registry), source.repository];
    const mirror = { ...source, registry: base.host, repository: segments.filter((part) => part !== "").join("/") };
    const name = repositoryName(mirror);
    if (!isRepository(source.repository) || (source.tag !== undefined && !isTag(source.tag))) {
        throw unmappable(source, mirror, "MIRROR_NAME_INVALID", "which the distribution grammar does not allow", {
            fix: "use lower-case path components and a tag of at most 128 letters, digits, _ . or -",
        });
    }
    if (name.length > MAX_NAME_LENGTH) {
        const what = `whose host and name have ${name.length} characters, at most ${MAX_NAME_LENGTH} are allowed`;
        throw unmappable(source, mirror, "MIRROR_NAME_TOO_LONG", what, {
            fix: `shorten the mirror base ${formatMirrorBase(base)} by ${name.length - MAX_NAME_LENGTH} characters, or leave the image out`,
        });
    }
    return mirror;
}

/** The tag that keeps an image alive which upstream names by digest only: registries collect what has no tag. */
export function protectingTag(digest: Digest): string {
    return `digest-${digestHex(digest)}`;
}

/**
 * Upstream hosts among the sources that map to the same place (`host:5000` and `host-5000`), sorted by place: the rule
 * of one would serve the images of the other, whichever repositories they hold. Within one host nothing can conflict.
 * @throws PassthroughError `MIRROR_HOST_INVALID`
 */
export function mirrorConflicts(
    base: MirrorBase,
    sources: Iterable<Pick<Reference, "registry" | "repository">>,
): MirrorConflict[] {
    const places = new Map<string, { hosts: Set<string>; repositories: Set<string> }>();
    for (const source of sources) {
        const location = mirrorSourceLocation(base, source.registry);
        const place = places.get(location) ?? { hosts: new Set(), repositories: new Set() };
        const registry = canonicalRegistry(source.registry) ?? source.registry;
        place.hosts.add(registry);
        place.repositories.add(repositoryName({ registry, repository: source.repository }));
        places.set(location, place);
    }
    return [...places]
        .filter(([, place]) => place.hosts.size > 1)
        .map(([location, place]) => ({
            location,
            hosts: [...place.hosts].sort(),
            repositories: [...place.repositories].sort(),
        }))
        .sort((a, b) => (a.location < b.location ? -1 : 1));
}

function unmappable(
    source: Reference,
    mirror: Reference,
    code: ErrorCode,
    what: string,
    facts: { fix: string },
): PassthroughError {
    const thing = `image ${formatReference(source)}`;
    return new PassthroughError(`its mirror would be ${formatReference(mirror)}, ${what}`, { code, thing, ...facts });
}
