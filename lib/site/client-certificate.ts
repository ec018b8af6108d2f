import { certificateBlocks, certificatesIn } from "../http/certificates";
import {
    type CertificateContext,
    chainIssues,
    parseCertificate,
    privateKeyIssues,
    readChain,
    usageIssues,
} from "./certificate-chain";
import type { ConfigIssue } from "./config-issue";
import { collectIssue, keyFix } from "./issues";
import type { SiteDocument } from "./schema";

type CertificateKeys = NonNullable<SiteDocument["registry"]["clientCertificate"]>;

const FILE_KEY = "site.registry.clientCertificate.certificateFile";
const KEY_FILE_KEY = "site.registry.clientCertificate.keyFile";
/** RFC 5280 §4.2.1.12: clientAuth, and any usage. */
const CLIENT_USE = { usages: ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"], users: "clients", name: "clientAuth" } as const;
const KEY_FILE_NAME = "client.key";

/**
 * The client certificate of a site: read, and checked by itself and against the key file.
 * @returns PEM without anything else that the file holds, so without a private key; undefined if it is not usable
 */
export function readClientCertificate(
    { certificateFile, keyFile }: CertificateKeys,
    context: CertificateContext,
    issues: ConfigIssue[],
): string | undefined {
    const text = collectIssue(FILE_KEY, issues, () => context.read(certificateFile));
    const place = { key: FILE_KEY, file: certificateFile, owner: "client" };
    const chain = text === undefined ? undefined : readChain(text, place, issues);
    if (chain !== undefined)
        issues.push(...chainIssues(chain, place, context.now), ...usageIssues(chain[0], place, CLIENT_USE));
    if (keyFile !== undefined) {
        const key = collectIssue(KEY_FILE_KEY, issues, () => context.read(keyFile));
        if (key !== undefined)
            issues.push(
                ...privateKeyIssues(key, chain?.[0], { key: KEY_FILE_KEY, file: keyFile, keyFileName: KEY_FILE_NAME }),
            );
    }
    return chain && certificatesIn(text ?? "");
}

/** A client certificate as it is configured, whatever else is wrong with the site. */
export interface ConfiguredCertificate {
    /** Text of the certificate file. */
    readonly certificate: string;
    /** Text of the key file, if one is configured. */
    readonly keyFileText?: string | undefined;
}

/**
 * What is wrong with the secret `clientKey`.
 * @param configured undefined: no client certificate is configured
 * @param stack named in the commands that fix it
 */
export function clientKeyIssues(
    configured: ConfiguredCertificate | undefined,
    key: string | undefined,
    stack: string,
): ConfigIssue[] {
    const issue = (problem: string, fix: string): ConfigIssue[] => [{ key: "clientKey", problem, fix }];
    const remove = `remove it with: npm run pulumi -- config rm clientKey --stack ${stack}`;
    if (configured === undefined) {
        return key === undefined
            ? []
            : issue("site.registry.clientCertificate, which it belongs to, is not set", remove);
    }
    const hasFile = configured.keyFileText !== undefined;
    if (key === undefined) return hasFile ? [] : issue("it is not set", clientKeyFix(stack));
    if (hasFile) return issue("site.registry.clientCertificate.keyFile is set as well", remove);
    const [block] = certificateBlocks(configured.certificate);
    return privateKeyIssues(key, block === undefined ? undefined : parseCertificate(block), {
        key: "clientKey",
        keyFileName: KEY_FILE_NAME,
    });
}

/** How the secret is set. */
function clientKeyFix(stack: string): string {
    return keyFix("clientKey").replace("<stack>", stack);
}
