/** zstd frames made by hand (RFC 8878), for what no writer would make. */

const MAGIC = Buffer.from("28b52ffd", "hex");
const BLOCK = 128 * 1024;
const [RAW, RLE] = [0, 1];

/** The header of a frame with a window of 2^log bytes, whose content's size is not told. */
export function frameHeader(windowLog: number): Buffer {
    return Buffer.concat([MAGIC, Buffer.from([0, (windowLog - 10) << 3])]);
}

/** Bytes as they are, in one frame. */
export function rawFrame(bytes: Buffer, windowLog: number): Buffer {
    const blocks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += BLOCK) {
        const body = bytes.subarray(at, at + BLOCK);
        blocks.push(blockHeader(RAW, body.length, at + BLOCK >= bytes.length), body);
    }
    return Buffer.concat([frameHeader(windowLog), ...blocks]);
}

/** A frame of so many zeros: four bytes for each 128 KiB. */
export function zerosFrame(length: number): Buffer {
    const count = Math.ceil(length / BLOCK);
    const block = Buffer.concat([blockHeader(RLE, BLOCK, false), Buffer.from([0])]);
    const last = Buffer.concat([blockHeader(RLE, length - (count - 1) * BLOCK, true), Buffer.from([0])]);
    return Buffer.concat([frameHeader(17), ...Array<Buffer>(count - 1).fill(block), last]);
}

function blockHeader(type: number, size: number, isLast: boolean): Buffer {
    const header = Buffer.alloc(3);
    header.writeUIntLE((size << 3) | (type << 1) | (isLast ? 1 : 0), 0, 3);
    return header;
}
