import { createHash, createHmac } from "node:crypto";
import { PassthroughError, errorMessage } from "../../errors/errors";
import { sendSingleRequest } from "../../http/https-request";
import type { Bucket, BucketAccount } from "./deployment";

const KEY = "site.registry.deploy.cluster.storage.s3";
const SET_KEYS = "set the secrets storageAccessKey and storageSecretKey to those of an account of the bucket";

/** Codes of S3 servers that are the same from wherever they are asked (API reference, "Error responses"), with the fix. */
const REFUSALS: Readonly<Record<string, string>> = {
    NoSuchBucket: `create the bucket, or correct ${KEY}.bucket`,
    InvalidBucketName: `correct ${KEY}.bucket`,
    InvalidAccessKeyId: SET_KEYS,
    SignatureDoesNotMatch: SET_KEYS,
    AuthorizationHeaderMalformed: `correct ${KEY}.region`,
};

/**
 * That a bucket is there and lets the account list it, as far as this machine can find out: the pods may reach a server that
 * it does not.
 * @param now milliseconds since the epoch; signatures are valid for minutes
 * @returns what could not be found out; undefined: it lets it
 * @throws PassthroughError `CONFIG_INVALID` if the server refuses it for everybody with this configuration; the signal's reason
 */
export async function bucketDoubt(
    bucket: Bucket,
    account: BucketAccount,
    { now, signal }: { readonly now: number; readonly signal: AbortSignal },
): Promise<string | undefined> {
    const url = listUrl(bucket);
    const headers = signedHeaders(url, bucket.region, account, now);
    try {
        const cas = { ca: bucket.ca, trust: "instead" } as const;
        const { status, text } = await sendSingleRequest({ method: "GET", url, headers, cas, signal });
        if (status === 200) return undefined;
        const [, code = ""] = /<Code>(\w+)<\/Code>/.exec(text) ?? [];
        const fix = REFUSALS[code];
        const said = `${url.host} answers ${status}${code === "" ? "" : ` ${code}`} for the bucket ${bucket.bucket}`;
        if (fix === undefined) return said;
        throw new PassthroughError(said, { code: "CONFIG_INVALID", thing: KEY, fix });
    } catch (error) {
        signal.throwIfAborted();
        if (error instanceof PassthroughError) throw error;
        return `${url.host}: ${errorMessage(error)}`;
    }
}

/** ListObjectsV2 of the first key below the prefix. */
function listUrl({ endpoint, bucket, prefix, pathStyle }: Bucket): URL {
    const url = new URL(endpoint);
    if (pathStyle) url.pathname = `/${bucket}`;
    else url.hostname = `${bucket}.${url.hostname}`;
    // In the order of their names, as they are signed.
    url.search = `list-type=2&max-keys=1&prefix=${encodeURIComponent(prefix ?? "")}`;
    return url;
}

const EMPTY = createHash("sha256").update("").digest("hex");

/** AWS Signature Version 4 of a GET without a body (docs.aws.amazon.com, "Create a signed AWS API request"). */
function signedHeaders(
    url: URL,
    region: string,
    { accessKey, secretKey }: BucketAccount,
    now: number,
): Record<string, string> {
    const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
    const scope = [time.slice(0, 8), region, "s3", "aws4_request"];
    const signed = { host: url.host, "x-amz-content-sha256": EMPTY, "x-amz-date": time };
    const names = Object.keys(signed).join(";");
    const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}\n`);
    const request = ["GET", url.pathname, url.search.slice(1), lines.join(""), names, EMPTY].join("\n");
    const hashed = createHash("sha256").update(request).digest("hex");
    const text = ["AWS4-HMAC-SHA256", time, scope.join("/"), hashed].join("\n");
    const key = scope.reduce<string | Buffer>(
        (above, part) => createHmac("sha256", above).update(part).digest(),
        `AWS4${secretKey}`,
    );
    const signature = createHmac("sha256", key).update(text).digest("hex");
    const authorization = `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope.join("/")}, SignedHeaders=${names}, Signature=${signature}`;
    return { ...signed, authorization };
}
