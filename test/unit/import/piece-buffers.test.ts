import { PieceBuffers } from "../../../lib/import/transfer/piece-buffers";

const MiB = 1024 * 1024;

test("pieces are large until blobs on their way have 32 MiB in memory, and small beyond", () => {
    const loan = new PieceBuffers().lend();
    const sizes = Array.from({ length: 40 }, () => loan.take(MiB).length);
    expect(sizes).toEqual([...Array<number>(32).fill(MiB), ...Array<number>(8).fill(MiB / 4)]);
});

test("memory is used again when its piece has left, and not before", () => {
    const buffers = new PieceBuffers();
    const loan = buffers.lend();
    const [first, second] = [loan.take(MiB), loan.take(MiB)];
    expect(second.buffer).not.toBe(first.buffer);
    loan.giveBack(first);
    const third = loan.take(MiB - 1);
    expect(third.buffer).toBe(first.buffer);
    expect(third.length).toBe(MiB - 1);
    loan.giveBackAll();
    expect([first.buffer, second.buffer]).toContain(buffers.lend().take(MiB).buffer);
});

test("memory of small blobs is not used again: pieces of large ones would be as small", () => {
    const loan = new PieceBuffers().lend();
    const small = loan.take(100);
    loan.giveBack(small);
    expect(loan.take(MiB)).toHaveLength(MiB);
});

test("an attempt that broke leaves its memory to whoever still uses it, and takes no large pieces from others", () => {
    const buffers = new PieceBuffers();
    const broken = buffers.lend();
    const pieces = Array.from({ length: 32 }, () => broken.take(MiB));
    broken.forgetAll();
    pieces.forEach((piece) => broken.giveBack(piece));
    expect(broken.take(MiB)).toHaveLength(MiB);
    const used = new Set(pieces.map(({ buffer }) => buffer));
    const next = buffers.lend();
    const others = Array.from({ length: 32 }, () => next.take(MiB));
    expect(others.every((piece) => piece.length === MiB && !used.has(piece.buffer))).toBe(true);
});
