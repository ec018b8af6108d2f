import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { BlobTransfer } from "../../../lib/import/transfer/transfer";
import { UploadJournal } from "../../../lib/import/transfer/upload-journal";
import { BlobReader } from "../../../lib/import/transfer/verified-pieces";
import { computeDigest } from "../../../lib/oci/digest";

const PIECE = 10_000;
const BLOB = randomBytes(5 * PIECE);

type Body = () => AsyncIterable<Uint8Array>;

/** A client whose first connection breaks after a piece, and goes on reading its body while the next one sends. */
function clientThatReadsOn(): RegistryClient {
    let broken: AsyncIterator<Uint8Array> | undefined;
    const put = async (...[, , , , body]: [unknown, unknown, unknown, unknown, Body]) => {
        const pieces = body()[Symbol.asyncIterator]();
        const isFirst = broken === undefined;
        const late = broken;
        broken = pieces;
        if (isFirst) {
            await pieces.next();
            await pieces.next();
            throw new Error("the connection broke");
        }
        while ((await late?.next())?.done === false);
        while ((await pieces.next()).done !== true);
    };
    const uploads = {
        mayPost: () => false,
        start: () => Promise.resolve({ mounted: false, location: new URL("http://localhost/upload") }),
        cancel: () => Promise.resolve(true),
        put,
    };
    const retrying = async <T>(operation: (goneOn: () => void) => Promise<T>) => {
        const attempt = () => operation(() => undefined);
        return attempt().catch(attempt);
    };
    return { uploads, retrying, blobHead: () => Promise.resolve(undefined) } as unknown as RegistryClient;
}

test("what a broken connection still reads counts for no attempt", async () => {
    const digest = computeDigest(BLOB);
    const source = {
        size: () => BLOB.length,
        read: () => Promise.reject(new Error("not a manifest")),
        open: () => Readable.from([0, 1, 2, 3, 4].map((at) => BLOB.subarray(at * PIECE, (at + 1) * PIECE))),
        place: () => undefined,
    };
    const reader = new BlobReader(source);
    const journal = await UploadJournal.open(undefined, "localhost", "set");
    const counted: [fresh: number, repeated: number][] = [];
    const outcome = await new BlobTransfer(
        { client: clientThatReadsOn(), source, reader, journal },
        { repository: "a/b", digest, size: BLOB.length },
        {
            sent: (fresh, repeated) => void counted.push([fresh, repeated]),
            resumed: () => undefined,
            mountRefused: () => undefined,
        },
    ).send();
    await reader.close();
    expect(outcome).toBe("uploaded");
    const further = [PIECE, 0];
    expect(counted).toEqual([further, [0, PIECE], further, further, further, further]);
});
