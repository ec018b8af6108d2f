import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { randomFillSync } from "node:crypto";

const block = 512;

const noise = randomFillSync(Buffer.alloc(8 * 1024 * 1024));

/** A tar written to a file: entries from text, from files, or of nothing but a size. */
export class TarFile {
    #file;
    #at = 0;
    entries = 0;

    /** @param {string} path */
    constructor(path) {
        this.#file = openSync(path, "w");
    }

    /** @param {string} name @param {string | Buffer} body */
    text(name, body) {
        const bytes = Buffer.from(body);
        this.#header(name, bytes.length);
        writeSync(this.#file, bytes, 0, bytes.length, this.#at);
        this.#advance(bytes.length);
    }

    /** @param {string} name @param {string} path @param {number} size bytes of the file at `path` */
    file(name, path, size) {
        this.#header(name, size);
        const source = openSync(path, "r");
        const piece = Buffer.allocUnsafe(4 * 1024 * 1024);
        for (let at = 0; at < size;) {
            const count = readSync(source, piece, 0, piece.length, at);
            writeSync(this.#file, piece, 0, count, this.#at + at);
            at += count;
        }
        closeSync(source);
        this.#advance(size);
    }

    /** @param {string} name @param {number} size bytes that mean nothing, at most 8 MiB */
    noise(name, size) {
        this.#header(name, size);
        writeSync(this.#file, noise, 0, size, this.#at);
        this.#advance(size);
    }

    close() {
        ftruncateSync(this.#file, this.#at + 2 * block);
        // What is not on its disk yet cannot be taken out of memory.
        fsyncSync(this.#file);
        closeSync(this.#file);
    }

    /**
     * USTAR (POSIX pax, "ustar Interchange Format"); names longer than 100 bytes are split at a slash.
     *
     * @param {string} name
     * @param {number} size
     */
    #header(name, size) {
        const header = Buffer.alloc(block);
        const cut = name.length > 100 ? name.indexOf("/", name.length - 101) : -1;
        header.write(name.slice(cut + 1), 0, 100, "latin1");
        header.write("0000644\0" + "0000000\0" + "0000000\0", 100, "latin1");
        header.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
        header.write("00000000000\0" + "        " + "0", 136, "latin1");
        header.write("ustar\0" + "00", 257, "latin1");
        header.write(name.slice(0, Math.max(cut, 0)), 345, 155, "latin1");
        const sum = header.reduce((total, byte) => total + byte, 0);
        header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
        writeSync(this.#file, header, 0, block, this.#at);
        this.#at += block;
        this.entries += 1;
    }

    /** @param {number} size */
    #advance(size) {
        this.#at += Math.ceil(size / block) * block;
    }
}
