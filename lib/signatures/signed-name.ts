/**
 * An image name as the container runtimes read it (go.podman.io/image, docker/reference): capitals of the host stay, and
 * no tag is added. `parseReference` of lib/oci is stricter and more helpful; what nodes decide depends on this reading.
 */
export interface SignedName {
    /** `host/path` */
    readonly name: string;
    readonly tag?: string;
    readonly digest?: string;
}

const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-*)[a-z0-9]+)*";
const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `${LABEL}(?:\\.${LABEL})*(?::[0-9]+)?`;
const NAME = new RegExp(
    `^(${DOMAIN}/${COMPONENT}(?:/${COMPONENT})*)` +
        "(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?" +
        "(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$",
);
const IDENTIFIER = /^[a-f0-9]{64}$/;
const MAX_NAME = 255;
/** Far above any name: a payload may be megabytes. */
const MAX_TESTED = 2048;

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

/** True for a digest that the runtimes can compute (opencontainers/go-digest, `Digest.Validate`). */
export function isComputableDigest(text: string): boolean {
    return DIGEST.test(text);
}

/** Reads a name as `reference.ParseNormalizedNamed` does; undefined for one that it refuses. */
export function parseSignedName(text: string): SignedName | undefined {
    if (text.length > MAX_TESTED || IDENTIFIER.test(text)) return undefined;
    const { domain, rest } = splitDomain(text);
    const path = rest.split(":", 1).join();
    if (path !== path.toLowerCase()) return undefined;
    const [, name, tag, digest] = NAME.exec(`${domain}/${rest}`) ?? [];
    if (name === undefined || name.length > MAX_NAME) return undefined;
    if (digest !== undefined && !isComputableDigest(digest)) return undefined;
    return { name, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function splitDomain(text: string): { domain: string; rest: string } {
    const slash = text.indexOf("/");
    const first = text.slice(0, Math.max(slash, 0));
    const isHost = /[.:]/.test(first) || first === "localhost";
    const domain = isHost && first !== "index.docker.io" ? first : "docker.io";
    const rest = isHost ? text.slice(slash + 1) : text;
    return { domain, rest: domain === "docker.io" && !rest.includes("/") ? `library/${rest}` : rest };
}

/** The text of a name with the parts it has. */
export function formatSignedName({ name, tag, digest }: SignedName): string {
    return `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
