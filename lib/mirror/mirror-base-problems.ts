import { quotedAscii } from "../errors/text";
import { canonicalRegistry, hostProblem, isRepository } from "../oci/reference";

/** Something that a mirror base must not have. */
export interface MirrorBaseProblem {
    readonly what: string;
    /** As an imperative. */
    readonly fix: string;
}

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
/** Before the first slash. */
const ACCOUNT = /^[^/]*@/;

/**
 * Everything that is wrong with a mirror base `host[:port]/path`; none if it is one. No text has the account that
 * somebody may have written into it.
 */
export function mirrorBaseProblems(text: string): MirrorBaseProblem[] {
    const trimmed = text.trim();
    const [scheme = ""] = SCHEME.exec(trimmed) ?? [];
    const tidy = tidyMirrorBase(text);
    const rewrite = { fix: `write ${tidy}` };
    const [host = "", ...rest] = tidy.split("/");
    const path = trimmed.slice(scheme.length).replace(/^[^/]*\/?/, "");
    return [
        ...(trimmed === text ? [] : [{ what: "it has white space at an end", ...rewrite }]),
        ...(scheme === "" ? [] : [{ what: "it has a scheme", ...rewrite }]),
        ...(ACCOUNT.test(trimmed.slice(scheme.length)) ? [ACCOUNT_PROBLEM] : []),
        ...(trimmed.endsWith("/") ? [{ what: "it ends with a slash", ...rewrite }] : []),
        ...(rest.join("/") === path.replace(/\/+$/, "")
            ? []
            : [{ what: "its path has upper-case letters, which no registry accepts", ...rewrite }]),
        ...hostProblems(host),
        ...(rest.length === 0 ? [] : pathProblems(rest.join("/"))),
    ];
}

/**
 * A mirror base without what can only be meant in one way: scheme, account, slashes and white space at its ends are gone,
 * a path that only lacks lower case has it. It may still be none.
 */
export function tidyMirrorBase(text: string): string {
    const bare = text.trim().replace(SCHEME, "").replace(ACCOUNT, "").replace(/\/+$/, "");
    const slash = bare.indexOf("/");
    if (slash === -1) return bare;
    const path = bare.slice(slash + 1);
    const lower = path.toLowerCase();
    return `${bare.slice(0, slash)}/${isRepository(lower) ? lower : path}`;
}

/** As people may read it: an account in it is left out. */
export function shownMirrorBase(text: string): string {
    return quotedAscii(text.replace(/^(\s*[A-Za-z][A-Za-z0-9+.-]*:\/\/)?[^/]*@/, "$1<account>@"));
}

const ACCOUNT_PROBLEM: MirrorBaseProblem = {
    what: "it has an account",
    fix: "leave the account out: it is registryUsername and registryPassword",
};

function hostProblems(text: string): MirrorBaseProblem[] {
    if (text.includes("["))
        return [{ what: "no mirror rule can name an IPv6 literal", fix: "use the registry's DNS name" }];
    const [, name = "", port] = /^(.*?)(?::([0-9]*))?$/s.exec(text) ?? [];
    const problem = invalidName(port === undefined ? name : `${name}:443`, name);
    return [...(port === undefined ? [] : portProblems(port)), ...(problem === undefined ? [] : [problem])];
}

function portProblems(port: string): MirrorBaseProblem[] {
    const fix = "write the port that clients connect to";
    if (port === "") return [{ what: "no port follows the colon", fix }];
    if (/^0+$/.test(port)) return [{ what: "no registry listens on port 0", fix }];
    return Number(port) > 65_535 ? [{ what: `there is no port ${port}`, fix: `${fix}, at most 65535` }] : [];
}

/** @param text the name, with a port if one was written: so a name without a dot is a host */
function invalidName(text: string, name: string): MirrorBaseProblem | undefined {
    if (canonicalRegistry(text) !== undefined) return otherAddress(name.toLowerCase());
    if (/^[A-Za-z0-9-]+$/.test(name)) {
        const fix = `write the host's full DNS name, or its port as in ${name}:443`;
        return { what: `${JSON.stringify(name)} would be read as a path on docker.io`, fix };
    }
    const [what, fix = "write host, host/path or host:port/path"] = hostProblem(name);
    return { what, fix };
}

/** Connections would read a host that ends in a number as another address (WHATWG URL): `10.1.5` as `10.1.0.5`. */
function otherAddress(name: string): MirrorBaseProblem | undefined {
    const url = `https://${name}`;
    const read = URL.canParse(url) ? new URL(url).hostname : undefined;
    if (read === name) return undefined;
    if (read === undefined)
        return { what: `${JSON.stringify(name)} is neither a DNS name nor an address`, fix: "correct it" };
    return { what: `${JSON.stringify(name)} is read as the address ${read}`, fix: `write ${read}` };
}

function pathProblems(path: string): MirrorBaseProblem[] {
    if (isRepository(path)) return [];
    const fix = "write lower-case path components without tag or digest, as in registry.site-a.local:8443/mirror";
    return [{ what: `${quotedAscii(path)} is not a path that a registry accepts`, fix }];
}
