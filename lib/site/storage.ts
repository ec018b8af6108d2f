import type { z } from "zod";
import type { BucketAccount, RegistryStorage } from "../openshift/deployed-registry";
import type { ReadAccountKey } from "./account-keys";
import type { ConfigIssue } from "./config-issue";
import { keyFix } from "./issues";
import { type SiteContext, readCaFile } from "./read-registry";
import type { storageKeys } from "./storage-keys";

const KEY = "site.registry.deploy.cluster.storage";
const ACCOUNT_KEYS = ["storageAccessKey", "storageSecretKey"] as const;

/** Where the registry that the program runs has its content, read by itself; undefined if it says neither or both. */
export function readStorage(
    { size, storageClass, s3 }: z.infer<typeof storageKeys>,
    context: SiteContext,
    issues: ConfigIssue[],
): RegistryStorage | undefined {
    if (s3 === undefined) {
        if (size !== undefined) return { bytes: size, ...(storageClass === undefined ? {} : { storageClass }) };
        issues.push({ key: KEY, problem: "it says neither size nor s3", fix: keyFix(KEY) });
        return undefined;
    }
    for (const [name, value] of [
        ["size", size],
        ["storageClass", storageClass],
    ] as const) {
        if (value === undefined) continue;
        issues.push({
            key: `${KEY}.${name}`,
            problem: "it is of a volume, and s3 is set",
            fix: "leave out one of both",
        });
    }
    const { forcePathStyle, ca: caFile, prefix, endpoint, ...place } = s3;
    const problem = endpointProblem(endpoint);
    if (problem !== undefined) issues.push({ key: `${KEY}.s3.endpoint`, problem, fix: keyFix(`${KEY}.s3.endpoint`) });
    const ca = caFile === undefined ? undefined : readCaFile(`${KEY}.s3.ca`, caFile, context, issues);
    return {
        s3: {
            ...place,
            endpoint: problem === undefined ? new URL(endpoint).origin : endpoint,
            pathStyle: forcePathStyle,
            ...(prefix === undefined ? {} : { prefix }),
            ...(ca === undefined ? {} : { ca }),
        },
    };
}

function endpointProblem(text: string): string | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.protocol !== "https:") return "it is no https URL: connections to the server use TLS";
    if (url.username !== "" || url.password !== "")
        return "it must not hold an account, which is storageAccessKey and storageSecretKey";
    return url.pathname === "/" && url.search === "" && url.hash === "" ? undefined : "it must end after host and port";
}

/** The account of a bucket in the flat keys; undefined if there is none, or half of one. */
export function readStorageAccount(read: ReadAccountKey): BucketAccount | undefined {
    const [accessKey = "", secretKey = ""] = ACCOUNT_KEYS.map(read);
    return accessKey === "" || secretKey === "" ? undefined : { accessKey, secretKey };
}

/**
 * What is wrong with the account of a bucket.
 * @param hasBucket whether the site has a bucket
 * @param stack named in the commands that fix it
 */
export function storageAccountIssues(read: ReadAccountKey, hasBucket: boolean, stack: string): ConfigIssue[] {
    return ACCOUNT_KEYS.flatMap((key): ConfigIssue[] => {
        const value = read(key);
        if (hasBucket && (value ?? "") === "")
            return [{ key, problem: `it is not set, and ${KEY}.s3 is`, fix: keyFix(key).replace("<stack>", stack) }];
        if (hasBucket || value === undefined) return [];
        const fix = `remove it with: npm run pulumi -- config rm ${key} --stack ${stack}`;
        return [{ key, problem: `${KEY}.s3, which it belongs to, is not set`, fix }];
    });
}
