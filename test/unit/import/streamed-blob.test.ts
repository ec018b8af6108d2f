import { randomBytes } from "node:crypto";
import { Awaited } from "../../../lib/import/stream/awaited";
import { PieceBudget } from "../../../lib/import/stream/piece-budget";
import { StreamedBlob } from "../../../lib/import/stream/streamed-blob";
import { computeDigest } from "../../../lib/oci/digest";

const KIB = 1024;
const MIB = 1024 * KIB;
/** Far below one blob. */
const MOST = 4 * MIB;

function blobOf(bytes: Buffer, blobs: StreamedBlob[] = []) {
    const budget = new PieceBudget(MOST, () => blobs.some((each) => each.mayGo && each.giveSentBack()));
    const blob = new StreamedBlob(computeDigest(bytes), bytes.length, budget, 1);
    blobs.push(blob);
    return { blob, budget };
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += 100_000) yield await Promise.resolve(bytes.subarray(at, at + 100_000));
}

/** The bytes, and all memory that they came in. */
async function drain(blob: StreamedBlob) {
    const memory = new Set<ArrayBufferLike>();
    const pieces: Buffer[] = [];
    for await (const piece of blob.read()) {
        memory.add(piece.buffer);
        pieces.push(Buffer.from(piece));
    }
    return { bytes: Buffer.concat(pieces), memory: [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0) };
}

test("a blob that is larger than the memory for it passes through that memory", async () => {
    const bytes = randomBytes(20 * MIB + 5);
    const { blob } = blobOf(bytes);
    const filled = blob.fill(inPieces(bytes));
    await blob.begun.promise;
    const sent = await drain(blob);
    await filled;
    expect(sent.bytes.equals(bytes)).toBe(true);
    expect(sent.memory).toBeLessThanOrEqual(MOST + 2 * MIB);
    // Its first bytes were given back.
    await expect(drain(blob)).rejects.toMatchObject({ code: "ARCHIVE_STREAM_PASSED" });
});

test("the blob that is read goes on where others hold all of the memory", async () => {
    const blobs: StreamedBlob[] = [];
    const bytes = randomBytes(12 * MIB);
    const { blob, budget } = blobOf(bytes, blobs);
    const held = await budget.take(256 * KIB, () => false);
    for (let taken = held.length; taken < MOST;) taken += (await budget.take(256 * KIB, () => false)).length;
    const filled = blob.fill(inPieces(bytes));
    // It has no upload yet, so it waits for room; the first piece comes with that.
    budget.giveBack(held);
    await blob.begun.promise;
    expect((await drain(blob)).bytes.equals(bytes)).toBe(true);
    await filled;
});

test("a small blob is read again and again until it is stored, and its memory is used again", async () => {
    const bytes = randomBytes(3 * MIB);
    const { blob, budget } = blobOf(bytes);
    await blob.fill(inPieces(bytes));
    const first = await drain(blob);
    expect((await drain(blob)).bytes.equals(bytes)).toBe(true);
    blob.ended(true);
    await expect(drain(blob)).rejects.toMatchObject({ code: "ARCHIVE_STREAM_PASSED" });
    const again = new StreamedBlob(computeDigest(bytes), bytes.length, budget, 1);
    await again.fill(inPieces(bytes));
    expect((await drain(again)).memory).toBe(first.memory);
});

test("a blob that is to be read once more takes nothing of what is still on its way from the reading before", async () => {
    const bytes = randomBytes(12 * MIB);
    const { blob } = blobOf(bytes);
    const [asked, goOn] = [new Awaited<void>(), new Awaited<void>()];
    const interrupted = async function* () {
        // Where a piece ends.
        yield bytes.subarray(0, 8 * 256 * KIB);
        asked.resolve();
        await goOn.promise;
        yield bytes.subarray(8 * 256 * KIB);
    };
    const before = blob.fill(interrupted());
    await asked.promise;
    const reader = blob.read();
    expect((await reader.next()).done).toBe(false);
    blob.again();
    expect(blob.isExpected).toBe(true);
    await expect(reader.next()).rejects.toMatchObject({ code: "ARCHIVE_STREAM_PASSED" });
    const filled = blob.fill(inPieces(bytes));
    goOn.resolve();
    await before;
    await blob.begun.promise;
    expect((await drain(blob)).bytes.equals(bytes)).toBe(true);
    await filled;
});
