import { type Digest, isDigest } from "./digest";
import { PassthroughError } from "../errors/errors";
import { quotedAscii } from "../errors/text";

/**
 * Where an image is (distribution-spec, "Pulling manifests"), in canonical form: the registry in lower case, Docker's
 * short names spelled out. It has a tag, a digest, or both.
 */
export interface Reference {
    /** `host` or `host:port`. */
    readonly registry: string;
    /** `<name>` of the specification: the path below the registry. */
    readonly repository: string;
    readonly tag?: string;
    readonly digest?: Digest;
}

const ALPHANUMERIC = "[a-z0-9]+";
const SEPARATOR = "(?:\\.|_|__|-+)";
const PATH_COMPONENT = `${ALPHANUMERIC}(?:${SEPARATOR}${ALPHANUMERIC})*`;
const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-f0-9:]+\\])`;

const REGISTRY = new RegExp(`^${HOST}(?::([0-9]+))?$`);
const REPOSITORY = new RegExp(`^${PATH_COMPONENT}(?:/${PATH_COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const IMAGE_ID = /^[a-f0-9]{64}$/;

const NOT_ASCII = /[^\0-\x7f]/u;

const DOCKER_HUB = "docker.io";
/** The name that Docker's own clients treat as docker.io; `registry-1.docker.io` is a host of its own to them. */
const DOCKER_HUB_LEGACY = "index.docker.io";
const MAX_REPOSITORY = 255;
/** Far above any name: the expressions for names overflow the stack at some megabytes. */
const MAX_TESTED = 10_000;

/** True for a well-formed `<name>`: lower-case components joined by slashes (distribution-spec, "Pulling manifests"). */
export function isRepository(text: string): boolean {
    return text.length <= MAX_TESTED && REPOSITORY.test(text);
}

/** True for a well-formed tag of at most 128 characters (distribution-spec, "Pulling manifests"). */
export function isTag(text: string): boolean {
    return TAG.test(text);
}

/** True if the text, followed by a path, is read as a host and not as the first part of a name on docker.io. */
function looksLikeHost(text: string): boolean {
    return /[.:]/.test(text) || text === "localhost";
}

/**
 * The canonical spelling of a registry's `host[:port]`: lower case, `index.docker.io` as `docker.io`. A bracketed IPv6
 * address is a host. @returns undefined if it is not a host that a reference can name; `hostProblem` says why not
 */
export function canonicalRegistry(text: string): string | undefined {
    // The Kelvin sign, too, is a "k" in lower case.
    if (text.length > MAX_TESTED || NOT_ASCII.test(text)) return undefined;
    const host = text.toLowerCase();
    const match = REGISTRY.exec(host);
    if (match === null || !looksLikeHost(host) || Number(match[1] ?? 1) > 65535) return undefined;
    return host === DOCKER_HUB_LEGACY ? DOCKER_HUB : host;
}

/** Why a text is no host, and the fix if it has a letter that only looks like one of a host. */
export function hostProblem(text: string, noun = "host"): readonly [what: string, fix?: string] {
    const foreign = NOT_ASCII.exec(text)?.[0].codePointAt(0);
    // What stands before an @ may be an account.
    const what = `${quotedAscii(text.replace(/^.*@/s, "<account>@"))} is not a ${noun}`;
    if (foreign === undefined) return [what];
    const named = `U+${foreign.toString(16).toUpperCase().padStart(4, "0")}`;
    return [`${what}: it has the character ${named}`, `write it in ASCII, or as punycode (xn--…) if ${named} is meant`];
}

/** As `parseReference`; undefined for a text that is no reference. */
export function tryParseReference(text: string): Reference | undefined {
    try {
        return parseReference(text);
    } catch (error) {
        if (error instanceof PassthroughError && error.code === "REFERENCE_INVALID") return undefined;
        throw error;
    }
}

/**
 * Reads an image reference as Docker's clients and the container runtimes do (distribution/reference, "normalize"):
 * `nginx` is `docker.io/library/nginx:latest`. Tag and digest are both kept; without either the tag is `latest`.
 * One deviation: a dotless host known only by its capitals (`Team/app`) is refused, since in lower case it would name
 * `docker.io/team/app`.
 * @throws PassthroughError `REFERENCE_INVALID`
 */
export function parseReference(text: string): Reference {
    refuseForeignSyntax(text);
    const { name, tag, digest } = splitSuffixes(text);
    const { registry, repository } = splitName(text, name);
    if (repository.length > MAX_REPOSITORY) {
        throw invalid(
            text,
            `the repository has ${repository.length} characters, at most ${MAX_REPOSITORY} are allowed`,
        );
    }
    if (!isRepository(repository)) throw invalid(text, ...invalidRepository(repository));
    return {
        registry,
        repository,
        ...(tag !== undefined ? { tag } : digest === undefined ? { tag: "latest" } : {}),
        ...(digest === undefined ? {} : { digest }),
    };
}

/** The full text of a reference: `host/path:tag@sha256:…` with the parts it has. */
export function formatReference(reference: Reference): string {
    const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
    const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
    return `${repositoryName(reference)}${tag}${digest}`;
}

/** `host/path`. */
export function repositoryName(reference: Pick<Reference, "registry" | "repository">): string {
    return `${reference.registry}/${reference.repository}`;
}

/**
 * The key of an image in `ImageSet.images`: `host/path:tag` if it has a tag (a digest is then the value, not the
 * name), else `host/path@sha256:…`.
 */
export function sourceKey(reference: Reference): string {
    if (reference.tag !== undefined) return `${repositoryName(reference)}:${reference.tag}`;
    return formatReference(reference);
}

/**
 * Reads a key of `ImageSet.images` back.
 * @throws PassthroughError `REFERENCE_INVALID` if it is no reference, or one that is not spelled canonically.
 */
export function parseSourceKey(key: string): Reference {
    const reference = parseReference(key);
    const canonical = sourceKey(reference);
    if (canonical !== key) throw invalid(key, "not the canonical spelling of its source", `write ${canonical}`);
    return reference;
}

function invalid(text: string, what: string, fix = "write host/path:tag or host/path@sha256:<64 hex digits>"): Error {
    return new PassthroughError(what, {
        code: "REFERENCE_INVALID",
        thing: `image reference ${quotedAscii(text)}`,
        fix,
    });
}

function refuseForeignSyntax(text: string): void {
    const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.exec(text)?.[0];
    if (scheme !== undefined) throw invalid(text, `a reference has no scheme`, `leave out ${scheme}`);
    if (text === "") throw invalid(text, "it is empty");
    if (/\s/.test(text)) throw invalid(text, "it contains white space", "remove the white space");
    if (IMAGE_ID.test(text)) throw invalid(text, "this is an image id, which names no repository");
}

function splitSuffixes(text: string): { name: string; tag: string | undefined; digest: Digest | undefined } {
    const at = text.indexOf("@");
    const digest = at === -1 ? undefined : text.slice(at + 1);
    if (digest !== undefined && !isDigest(digest)) {
        const what = `${JSON.stringify(digest)} is not a sha256 digest`;
        throw invalid(text, what, "write @sha256: and 64 lower-case hex digits");
    }
    const rest = at === -1 ? text : text.slice(0, at);
    const colon = rest.lastIndexOf(":");
    if (colon <= rest.lastIndexOf("/")) return { name: rest, tag: undefined, digest };
    const tag = rest.slice(colon + 1);
    if (!isTag(tag)) {
        const what = `${quotedAscii(tag)} is not a tag`;
        throw invalid(text, what, "write 1 to 128 letters, digits, _ . or -, with neither . nor - in front");
    }
    return { name: rest.slice(0, colon), tag, digest };
}

function splitName(text: string, name: string): { registry: string; repository: string } {
    const slash = name.indexOf("/");
    const first = slash === -1 ? "" : name.slice(0, slash);
    const isHost = looksLikeHost(first.toLowerCase()) || first !== first.toLowerCase();
    const registry = isHost ? canonicalRegistry(first) : DOCKER_HUB;
    if (registry === undefined) throw invalid(text, ...invalidHost(first));
    const path = isHost ? name.slice(slash + 1) : name;
    const isOfficial = registry === DOCKER_HUB && !path.includes("/");
    return { registry, repository: isOfficial ? `library/${path}` : path };
}

function invalidHost(host: string): [what: string, fix: string] {
    if (!looksLikeHost(host)) {
        const fix = `give the host a domain or a port (${host.toLowerCase()}:443), or write it in lower case if it is a path on docker.io`;
        return [`${quotedAscii(host)} is neither a host nor a legal path component`, fix];
    }
    const [what, fix = "write a DNS name, an IP address or either with :port"] = hostProblem(host);
    return [what, fix];
}

function invalidRepository(repository: string): [what: string, fix?: string] {
    const shown = quotedAscii(repository);
    if (repository !== repository.toLowerCase()) {
        return [`the repository ${shown} has upper-case letters`, `write ${repository.toLowerCase()}`];
    }
    const rule = "write lower-case letters and digits, joined by single . or _, by __ or by hyphens, between slashes";
    return [`${shown} is not a repository name`, rule];
}
