import type { Credentials } from "../../lib/http/credentials";
import { connectionForms } from "../../lib/redaction/redaction";
import { PassthroughError, errorMessage, toProblem } from "../../lib/errors/errors";
import { formatReason } from "../../lib/errors/format";
import { readTextFile } from "../../lib/files/text-file";
import {
    type ConnectionSecrets,
    type Site,
    clientKeyIssues,
    configurationError,
    proxyAccountIssues,
    readAccounts,
    readConnectionSecrets,
} from "../../lib/site";
import { requireMirrorBase, stackOutputs, stackTexts } from "../stack/pulumi-stack";
import { inEnvironment } from "./credentials";
import { type StackSelection, configuredKeys, readStackSite, stackName } from "../stack/stack-file";
import { keepSecretTexts } from "../terminal/output";

const KEY_FILE = "REGISTRY_PASSTHROUGH_CLIENT_KEY_FILE";
const KEY = "REGISTRY_PASSTHROUGH_CLIENT_KEY";

/** A secret and where it is from. */
interface FoundText {
    readonly text: string;
    readonly from: string;
}

/**
 * A stack's site with the secrets that connections to its registry need beside an account. They are kept out of everything
 * that is printed from then on. The private key of the client certificate is from, in this order: the environment, the key
 * file that the site names, the stack's secrets.
 * @throws PassthroughError `CONFIG_INVALID`, `STACK_FILE_INVALID`; `NO_CREDENTIALS` if there is no key
 */
export async function readConnectedSite(
    selection: StackSelection,
    env: NodeJS.ProcessEnv = process.env,
): Promise<Site> {
    const site = await withSiteCa(readStackSite(selection), selection);
    const secrets = await findSecrets(site, selection, env);
    if (secrets === undefined) return site;
    keepSecretTexts(connectionForms(secrets));
    return { ...site, registry: { ...site.registry, secrets } };
}

/**
 * The site with the CAs that the program keeps: the stack has them, and the configuration does not. Before the first `up`
 * there are none.
 */
async function withSiteCa(site: Site, { stack }: StackSelection): Promise<Site> {
    if (site.certificate?.siteCa === undefined) return site;
    const outputs = await stackOutputs(stack);
    requireMirrorBase(stack, outputs, site.registry.mirrorBase);
    const { registryCa } = outputs;
    if (typeof registryCa !== "string" || registryCa === "") return site;
    return { ...site, registry: { ...site.registry, ca: registryCa } };
}

async function findSecrets(
    { registry }: Site,
    selection: StackSelection,
    env: NodeJS.ProcessEnv,
): Promise<ConnectionSecrets | undefined> {
    const { clientCertificate: certificate, clientKeyFile, proxy: proxyUrl } = registry;
    const proxy = proxyUrl === undefined ? undefined : await findProxyAccount(selection, env);
    const accounts = proxy === undefined ? {} : { proxy };
    if (certificate === undefined) return readConnectionSecrets({ proxy: proxyUrl }, accounts);
    const key = keyInEnvironment(env) ?? keyInFile(clientKeyFile) ?? (await keyInStack(selection));
    const issues = clientKeyIssues({ certificate }, key.text, stackName(selection));
    if (issues.length > 0) {
        throw configurationError(issues.map((issue) => ({ ...issue, key: key.from })));
    }
    return readConnectionSecrets(
        { certificate: { certificate }, proxy: proxyUrl },
        { ...accounts, clientKey: key.text },
    );
}

const PROXY_KEYS = ["proxyUsername", "proxyPassword"] as const;

/** The account of the proxy, from the environment, or the stack if its file has one; most proxies ask for none. */
async function findProxyAccount(selection: StackSelection, env: NodeJS.ProcessEnv): Promise<Credentials | undefined> {
    const found = inEnvironment("REGISTRY_PASSTHROUGH_PROXY", env);
    if (found !== undefined) return found.credentials;
    const configured = configuredKeys(selection);
    if (!PROXY_KEYS.some((key) => configured.includes(`registry-passthrough:${key}`))) return undefined;
    const texts = await stackTexts(selection.stack, selection.file);
    const issues = proxyAccountIssues((key) => texts[key], "set", stackName(selection));
    if (issues.length > 0) throw configurationError(issues);
    return readAccounts((key) => texts[key]).proxy;
}

function keyInEnvironment(env: NodeJS.ProcessEnv): FoundText | undefined {
    const text = env[KEY];
    if (env[KEY_FILE]) return keyInFile(env[KEY_FILE], KEY_FILE);
    return text ? { text, from: KEY } : undefined;
}

/** @param from where the file is named */
function keyInFile(path: string | undefined, from = "site.registry.clientCertificate.keyFile"): FoundText | undefined {
    if (path === undefined) return undefined;
    try {
        return { text: readTextFile(path), from };
    } catch (error) {
        throw new PassthroughError(`the private key of the client certificate cannot be read: ${errorMessage(error)}`, {
            code: "NO_CREDENTIALS",
            fix: `name a file that this user may read in ${from}`,
            cause: error,
        });
    }
}

async function keyInStack({ stack, file }: StackSelection): Promise<FoundText> {
    let unread: unknown;
    const texts = await stackTexts(stack, file).catch((error: unknown) => {
        unread = error;
        return undefined;
    });
    if (texts?.clientKey) return { text: texts.clientKey, from: "clientKey" };
    const why =
        unread === undefined ? "" : ` (the stack's secrets could not be read: ${formatReason(toProblem(unread))})`;
    throw new PassthroughError(`there is no private key for site.registry.clientCertificate${why}`, {
        code: "NO_CREDENTIALS",
        fix:
            `set it: npm run pulumi -- config set --secret clientKey --stack ${stack} < client.key; or name its file in ` +
            `site.registry.clientCertificate.keyFile or ${KEY_FILE}`,
    });
}
