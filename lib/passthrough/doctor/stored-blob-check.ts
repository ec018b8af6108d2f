import { createHash } from "node:crypto";
import type { RegistryClient } from "../../distribution/client/registry-client";
import type { HttpResponse } from "../../distribution/http/transport";
import { RegistryError } from "../../errors/errors";
import { printable } from "../../errors/text";
import type { TestBlob } from "./test-blob";

const CHANGES_BODIES = "something between this machine and the registry changes what it sends";

/**
 * Reads a blob back as pullers do, by HEAD and by GET.
 * @returns what is odd, but does not keep anybody from pulling
 * @throws RegistryError `BLOB_COMPRESSED`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`, and others
 */
export async function checkStoredBlob(
    client: RegistryClient,
    repository: string,
    { digest, size }: TestBlob,
): Promise<RegistryError[]> {
    const head = await client.probe.blob("HEAD", repository, digest);
    await head.discard();
    rejectCompression(head);
    const get = await client.probe.blob("GET", repository, digest);
    const hash = createHash("sha256");
    let length = 0;
    for await (const chunk of get.bytes()) {
        hash.update(chunk);
        length += chunk.length;
    }
    rejectCompression(get);
    if (length !== size) throw wrongBytes(get, "SIZE_MISMATCH", `${length} bytes were read, ${size} were sent`);
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== digest) throw wrongBytes(get, "DIGEST_MISMATCH", `the bytes read are ${found}`);
    return [head, get].flatMap((response) => checkLength(response, size));
}

function rejectCompression({ headers, context }: HttpResponse): void {
    const encoding = headers["content-encoding"];
    if (typeof encoding !== "string" || encoding === "identity") return;
    throw new RegistryError(`the blob is sent with Content-Encoding: ${printable(encoding)}, without being asked to`, {
        ...context,
        code: "BLOB_COMPRESSED",
        status: 200,
        fix: "turn compression off for /v2/ in what stands in front of the registry (nginx: gzip off; brotli off)",
    });
}

function wrongBytes(
    { context }: Pick<HttpResponse, "context">,
    code: "SIZE_MISMATCH" | "DIGEST_MISMATCH",
    problem: string,
) {
    return new RegistryError(problem, {
        ...context,
        code,
        status: 200,
        fix: `${CHANGES_BODIES}, or its storage is damaged: look for a cache, a filter, a second instance`,
    });
}

function checkLength({ headers, context }: HttpResponse, size: number): RegistryError[] {
    const length = headers["content-length"];
    if (length === String(size)) return [];
    if (length !== undefined)
        throw wrongBytes({ context }, "SIZE_MISMATCH", `Content-Length is ${String(length)}, not ${size}`);
    return [
        new RegistryError("the response has no Content-Length", {
            ...context,
            code: "BLOB_SIZE_MISSING",
            status: 200,
            fix:
                "let what stands in front of the registry pass Content-Length on (nginx: gzip off; CDN: no transformation); until " +
                "then each check of a blob costs one more request",
        }),
    ];
}
