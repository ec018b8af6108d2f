import { withoutBrackets } from "../../http/hostname";
import type { Credentials } from "../../http/credentials";
import { ProxyError } from "./proxy-error";
import { isExempt } from "./no-proxy";

/** How an HTTP proxy is configured. */
export interface ProxySettings {
    /** URL of the proxy, or `environment`: HTTPS_PROXY and NO_PROXY decide. */
    readonly url: string;
    /** Absent: those in the URL of the environment's variable, if it has some. */
    readonly credentials?: Credentials;
}

/** A proxy that connections go through. */
export interface Proxy {
    /** Without credentials, for errors: `http://proxy:3128`. */
    readonly origin: string;
    readonly credentials?: Credentials;
}

/** The value of `site.registry.proxy` that stands for the environment. */
export const FROM_ENVIRONMENT = "environment";

/**
 * The proxy for TLS connections to a host.
 * @param host without port, an IPv6 address without brackets
 * @returns undefined: they are direct
 * @throws ProxyError if the environment's variable is not the URL of an HTTP proxy
 */
export function proxyFor(
    settings: ProxySettings | undefined,
    { host, port }: { readonly host: string; readonly port: number },
    env: NodeJS.ProcessEnv = process.env,
): Proxy | undefined {
    if (settings === undefined) return undefined;
    const { credentials } = settings;
    if (settings.url !== FROM_ENVIRONMENT)
        return { origin: new URL(settings.url).origin, ...(credentials && { credentials }) };
    const variable = proxyVariable(env);
    if (variable === undefined || isExempt(host, port, noProxy(env))) return undefined;
    const { origin, credentials: inUrl } = parseVariable(variable);
    const used = credentials ?? inUrl;
    return { origin, ...(used === undefined ? {} : { credentials: used }) };
}

/**
 * For messages where no proxy is configured: that the environment names one for this host.
 * @param host `host[:port]`
 * @returns undefined if it names none, or the host is exempt
 */
export function ignoredProxyNote(host: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
    const { hostname, port } = new URL(`https://${host}`);
    const name = withoutBrackets(hostname);
    const variable = proxyVariable(env);
    if (variable === undefined || isExempt(name, port === "" ? 443 : Number(port), noProxy(env))) return undefined;
    return `${variable.name} is set in the environment and not used for ${host}: site.registry.proxy: environment would use it`;
}

interface Variable {
    readonly name: string;
    readonly value: string;
}

/** The registry has TLS: HTTP_PROXY is for plain HTTP. */
function proxyVariable(env: NodeJS.ProcessEnv): Variable | undefined {
    const name = ["HTTPS_PROXY", "https_proxy"].find((candidate) => env[candidate]);
    return name === undefined ? undefined : { name, value: env[name] ?? "" };
}

function noProxy(env: NodeJS.ProcessEnv): string {
    return env.NO_PROXY || env.no_proxy || "";
}

/** No part of the value is in an error: it may have a password. */
function parseVariable({ name, value }: Variable): Proxy {
    const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.hostname === "") {
        throw new ProxyError(`${name} in the environment is not the URL of an HTTP proxy`, {
            code: "PROXY_FAILED",
            fix: `set ${name} to http://<host>:<port> or https://<host>:<port>`,
        });
    }
    const { origin, username, password } = url;
    if (username === "" && password === "") return { origin };
    return { origin, credentials: { username: decodePart(username), password: decodePart(password) } };
}

function decodePart(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}
