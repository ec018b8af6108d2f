import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

/** What the thread has to say to one question. */
interface Answer {
    readonly pieces: readonly Uint8Array[];
    /** It has used up what it was given. */
    readonly isHungry: boolean;
    readonly error?: { readonly message: string; readonly code?: unknown };
}

/** Unpacked bytes of one answer, more or less: the next answer is made while these are used. */
const ANSWER_BYTES = 256 * 1024;
/** Three bytes may stand for 128 KiB: what is unpacked in one step is in memory before anybody can stop it. */
const STEP_BYTES = 1024;
/** Bytes of output after which the memory of blocks and of what they were read from is looked for: see PassedBuffers. */
const MOST_IDLE = 4 * 1024 * 1024;
/** Where one step made more than an answer has. */
const SMALL_STEP_BYTES = 32;

/** Run as text, so that the thread needs no file of its own. */
const THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const { Decompress } = require(workerData);
require("node:v8").setFlagsFromString("--expose-gc");
const collect = require("node:vm").runInNewContext("gc");
let passed = 0;
let pieces = [];
let made = 0;
const decoder = new Decompress((piece) => {
    if (piece.length === 0) return;
    // A message takes all the memory that a piece is a part of; the decoder is done with its own pieces by then.
    pieces.push(piece.length === piece.buffer.byteLength ? piece : Uint8Array.from(piece));
    made += piece.length;
});
let packed = new Uint8Array(0);
let at = 0;
let step = ${STEP_BYTES};
parentPort.on("message", ({ chunk, isEnd }) => {
    let error;
    try {
        if (chunk !== undefined) [packed, at] = [chunk, 0];
        while (at < packed.length && made < ${ANSWER_BYTES}) {
            const before = made;
            decoder.push(packed.subarray(at, at + step), false);
            at += step;
            step = made - before > ${ANSWER_BYTES} ? ${SMALL_STEP_BYTES} : ${STEP_BYTES};
        }
        if (isEnd) decoder.push(new Uint8Array(0), true);
    } catch ({ message, code }) {
        error = { message, code };
    }
    const answer = { pieces, isHungry: at >= packed.length, error };
    passed += made;
    [pieces, made] = [[], 0];
    parentPort.postMessage(answer, answer.pieces.map(({ buffer }) => buffer));
    if (passed < ${MOST_IDLE}) return;
    passed = 0;
    collect({ type: "minor" });
});`;

/**
 * zstd frames one after the other (RFC 8878), unpacked beside the event loop, which sends meanwhile; no faster than what they
 * give is taken. Holds one window, 8 MiB as most writers have it. Checksums of frames are not read: every blob has its digest.
 */
export async function* unzstdApart(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const thread = new Worker(THREAD, { eval: true, workerData: createRequire(__filename).resolve("fzstd") });
    const input = packed[Symbol.asyncIterator]();
    let isEnd = false;
    const next = async (isHungry: boolean): Promise<Answer> => {
        const { done, value } = isHungry ? await input.next() : { done: false, value: undefined };
        isEnd = done === true;
        return ask(thread, value === undefined ? { isEnd } : { isEnd, chunk: ownMemory(value) });
    };
    try {
        for (let answer = next(true); ;) {
            const { pieces, isHungry, error } = await answer;
            if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
            const isLast = isEnd && isHungry;
            if (!isLast) {
                answer = next(isHungry);
                // Who takes the pieces may stop at them.
                answer.catch(() => undefined);
            }
            for (const { buffer, byteOffset, length } of pieces) yield Buffer.from(buffer, byteOffset, length);
            if (isLast) return;
        }
    } finally {
        await thread.terminate();
        // It waits for the next bytes of a pipe, which may never come.
        void input.return?.().catch(() => undefined);
    }
}

/** A message takes all the memory that a chunk is a part of. */
function ownMemory(chunk: Buffer): Uint8Array<ArrayBuffer> {
    const { buffer, length } = chunk;
    return buffer instanceof ArrayBuffer && buffer.byteLength === length
        ? new Uint8Array(buffer)
        : Uint8Array.from(chunk);
}

function ask(thread: Worker, question: { isEnd: boolean; chunk?: Uint8Array<ArrayBuffer> }): Promise<Answer> {
    return new Promise((resolve, reject) => {
        const ended = () => reject(new Error("the unpacking thread has ended"));
        thread.once("error", reject);
        thread.once("exit", ended);
        thread.once("message", (answer: Answer) => {
            thread.off("error", reject);
            thread.off("exit", ended);
            resolve(answer);
        });
        thread.postMessage(question, question.chunk === undefined ? [] : [question.chunk.buffer]);
    });
}
