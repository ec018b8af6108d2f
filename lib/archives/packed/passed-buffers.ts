import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of buffers that are used once, between two looks for those that nobody has any more. */
const MOST_IDLE = 8 * 1024 * 1024;

let collect: (options: { readonly type: "minor" }) => void = () => {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as typeof collect;
    collect({ type: "minor" });
};

/**
 * Frees the memory of buffers that pass by. V8 does so when there are some 64 MiB of them, in each thread: they lie
 * outside of its heap, of which a stream of them fills little.
 */
export class PassedBuffers {
    private bytes = 0;

    /** So many more have passed. */
    passed(bytes: number): void {
        this.bytes += bytes;
        if (this.bytes < MOST_IDLE) return;
        this.bytes = 0;
        collect({ type: "minor" });
    }
}
