import type { z } from "zod";
import type { ChallengeType } from "../acme/challenge";
import type { ReadAccountKey } from "./account-keys";
import type { CertificateContext } from "./certificate-chain";
import type { certificateKeys } from "./certificate-keys";
import type { ConfigIssue } from "./config-issue";
import { keyFix } from "./issues";
import { readCaFile } from "./read-registry";

/** An ACME server that issues the registry's certificate. */
export interface SiteAcme {
    /** URL. */
    readonly directory: string;
    /** PEM: trusted at the server in addition to the public CAs. */
    readonly ca?: string;
    readonly email?: string;
    readonly challenge: ChallengeType;
    readonly command?: readonly string[];
    /** Of an external account; its key is a secret. */
    readonly keyId?: string;
}

const KEY = "site.registry.certificate.acme";
const MAC_KEY = "acmeMacKey";

type AcmeKeys = NonNullable<z.infer<typeof certificateKeys>["acme"]>;

/** The ACME server of a site, read and checked by itself. @param registryCa PEM of `site.registry.ca` */
export function readAcme(
    { ca: caFile, directory, challenge, email, command, keyId }: AcmeKeys,
    registryCa: string | undefined,
    context: CertificateContext,
    issues: ConfigIssue[],
): SiteAcme {
    if (!URL.canParse(directory) || new URL(directory).protocol !== "https:") {
        const key = `${KEY}.directory`;
        issues.push({ key, problem: "it is no https URL", fix: keyFix(key) });
    }
    const ca = caFile === undefined ? registryCa : readCaFile(`${KEY}.ca`, caFile, context, issues);
    return {
        ...{ directory, challenge },
        ...(ca === undefined ? {} : { ca }),
        ...(email === undefined ? {} : { email }),
        ...(command === undefined ? {} : { command }),
        ...(keyId === undefined ? {} : { keyId }),
    };
}

/**
 * What is wrong with the key of an external account.
 * @param keyId `site.registry.certificate.acme.keyId`; undefined: there is none
 * @param stack named in the commands that fix it
 */
export function acmeKeyIssues(read: ReadAccountKey, keyId: string | undefined, stack: string): ConfigIssue[] {
    const value = read(MAC_KEY);
    const fix = keyFix(MAC_KEY).replace("<stack>", stack);
    if (keyId === undefined) {
        if (value === undefined) return [];
        const remove = `remove it with: npm run pulumi -- config rm ${MAC_KEY} --stack ${stack}`;
        return [{ key: MAC_KEY, problem: `${KEY}.keyId, which it belongs to, is not set`, fix: remove }];
    }
    if ((value ?? "") === "") return [{ key: MAC_KEY, problem: `it is not set, and ${KEY}.keyId is`, fix }];
    const isKey = /^[A-Za-z0-9_-]{22,}$/.test(value ?? "");
    return isKey ? [] : [{ key: MAC_KEY, problem: "it is no key of 16 bytes or more in base64url", fix }];
}
