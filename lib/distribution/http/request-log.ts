import { subscribe } from "node:diagnostics_channel";
import { debug, filterLines, isAnyDebugging, isDebugging } from "../../debug/debug";
import { secretForms, withoutSecrets } from "../../redaction/redaction";

/*
 * The area "http" of the debug log, from undici's diagnostics channels (docs/api/DiagnosticsChannel.md of undici): they
 * see every request as it is sent, also one that is repeated, follows a redirect or asks for a token, and cost nothing
 * without a subscriber.
 */

/** A request of undici. */
interface Request {
    readonly origin: string | URL;
    readonly path: string;
    readonly method: string;
    /** Name, value, name, value, … */
    readonly headers: readonly (string | readonly string[])[];
}

/** What the messages of the channels hold. */
interface Message {
    readonly request: Request;
    readonly chunk: Uint8Array;
    readonly response: { readonly statusCode: number };
    readonly error: unknown;
    readonly connectParams: { readonly host: string };
    readonly socket: object;
}

/** A request and its state. */
interface Exchange {
    readonly name: string;
    readonly startedAt: number;
    status: string;
    sent: number;
    received: number;
}

function listen(channel: string, take: (message: Message) => void): void {
    subscribe(channel, (message) => take(message as Message));
}

function update(channel: string, take: (exchange: Exchange, message: Message) => void): void {
    listen(channel, (message) => {
        const exchange = exchanges.get(message.request);
        if (exchange !== undefined) take(exchange, message);
    });
}

const exchanges = new WeakMap<Request, Exchange>();
let count = 0;

function begin(request: Request): void {
    const name = `#${++count} ${request.method} ${shownUrl(request)}`;
    exchanges.set(request, { name, startedAt: Date.now(), status: "no response", sent: 0, received: 0 });
    debug("http", () => name);
}

function end({ name, startedAt, status, sent, received }: Exchange, how: string): void {
    const bytes = `${sent} bytes sent, ${received} bytes received`;
    debug("http", () => `${name}: ${status}, ${Date.now() - startedAt} ms, ${bytes}${how}`);
}

/** Parameters that say what is asked for. Any other one may be a signature, a session or a token. */
const PLAIN_PARAMETERS = new Set([
    ...["digest", "mount", "from", "n", "last", "service", "scope"],
    ...["page", "page_size", "q", "namespace", "project_name"],
]);

/** A URL without an account, and without the values of parameters that may be secret. */
function shownUrl({ origin, path }: Request): string {
    const url = new URL(path, origin);
    const parameters = [...url.searchParams].map(
        ([name, value]) => `${name}=${PLAIN_PARAMETERS.has(name) ? value : "[hidden]"}`,
    );
    return `${url.origin}${url.pathname}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`;
}

/** Every secret that this process sends, in each form that it travels in. */
const secrets = new Set<string>();
const SECRET_HEADERS = new Set(["authorization", "proxy-authorization", "cookie", "x-csrf-token"]);

function rememberSecrets({ headers }: Request): void {
    for (let at = 0; at + 1 < headers.length; at += 2) {
        const name = String(headers[at]).toLowerCase();
        if (!SECRET_HEADERS.has(name)) continue;
        for (const value of [headers[at + 1] ?? ""].flat()) {
            for (const form of headerSecrets(name, value)) secrets.add(form);
        }
    }
}

/** Secrets in headers of a request, in each form that a server may repeat them in. */
export function requestSecrets(headers: Readonly<Record<string, string>>): string[] {
    const secret = Object.entries(headers).filter(([name]) => SECRET_HEADERS.has(name.toLowerCase()));
    return secret.flatMap(([name, value]) => headerSecrets(name.toLowerCase(), value));
}

function headerSecrets(name: string, value: string): readonly string[] {
    if (name === "cookie") return value.split(/;\s*/).flatMap((pair) => tokenForms(pair.slice(pair.indexOf("=") + 1)));
    const basic = /^Basic\s+(.*)$/i.exec(value)?.[1];
    if (basic === undefined) return tokenForms(value.replace(/^\S+\s+/, ""));
    const account = Buffer.from(basic, "base64").toString("utf8");
    const colon = account.indexOf(":");
    return [basic, ...secretForms({ username: account.slice(0, colon), password: account.slice(colon + 1) })];
}

function tokenForms(token: string): readonly string[] {
    return token === "" ? [] : secretForms({ username: "", password: token });
}

function errorCode(error: unknown): string {
    const { code, name } = error as { code?: unknown; name?: unknown };
    return typeof code === "string" ? code : String(name);
}

/** "TLSv1.3 to 10.0.0.5:8443". */
function connectionText(socket: object): string {
    const { remoteAddress, remotePort, getProtocol } = socket as {
        readonly remoteAddress?: string;
        readonly remotePort?: number;
        readonly getProtocol?: () => string | null;
    };
    const protocol = getProtocol?.call(socket) ?? "no TLS";
    return `${protocol} to ${remoteAddress ?? "?"}:${remotePort ?? "?"}`;
}

if (isAnyDebugging()) {
    filterLines((line) => withoutSecrets(line, [...secrets]));
    listen("undici:request:create", ({ request }) => rememberSecrets(request));
}
if (isDebugging("http")) {
    listen("undici:request:create", ({ request }) => begin(request));
    update("undici:request:bodyChunkSent", (exchange, { chunk }) => (exchange.sent += chunk.length));
    update("undici:request:headers", (exchange, { response }) => (exchange.status = String(response.statusCode)));
    update("undici:request:bodyChunkReceived", (exchange, { chunk }) => (exchange.received += chunk.length));
    update("undici:request:trailers", (exchange) => end(exchange, ""));
    update("undici:request:error", (exchange, { error }) => end(exchange, `, ended early (${errorCode(error)})`));
    listen("undici:client:connected", ({ connectParams, socket }) => {
        debug("http", () => `connected to ${connectParams.host} (${connectionText(socket)})`);
    });
    listen("undici:client:connectError", ({ connectParams, error }) => {
        debug("http", () => `no connection to ${connectParams.host} (${errorCode(error)})`);
    });
}
