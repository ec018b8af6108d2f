import { inModule } from "./script-module";

interface Drawn {
    readonly code: number;
    /** What was written to the terminal, and "(erased)" when a resource has been told that its row is erased. */
    readonly writes: readonly string[];
    readonly folders: readonly string[];
}

const ROW = { TERM: "xterm", REGISTRY_PASSTHROUGH_PROGRESS: "row" };
const at = (row: number, text: string) => `\u001b7\u001b[${row};1H\u001b[2K${text}\u001b8`;

/**
 * A command on a terminal of 30 columns and 10 rows that ends with code 7.
 * @param steps texts of resources by their number; null ends a resource's progress
 */
async function drawn(
    steps: readonly (readonly [resource: number, text: string | null])[],
    changes: {
        readonly args?: readonly string[];
        readonly env?: Record<string, string>;
        readonly isTTY?: boolean;
    } = {},
): Promise<Drawn> {
    const body = `
        const { connect } = await import("node:net");
        const { once } = await import("node:events");
        const { existsSync } = await import("node:fs");
        const { dirname } = await import("node:path");
        const writes = [];
        let heard = () => {};
        // A row is drawn again while it stays the same: how often is a matter of time.
        const write = (text) => { if (writes.at(-1) !== text) writes.push(text); heard(); };
        const terminal = { isTTY: input.isTTY, columns: 30, rows: 10, write };
        const resources = [];
        let socket;
        const run = async (env) => {
            socket = env.REGISTRY_PASSTHROUGH_PROGRESS_SOCKET;
            if (socket === undefined) return 7;
            for (const [at, text] of input.steps) {
                const resource = (resources[at] ??= connect(socket).resume());
                if (text === null) {
                    resource.end();
                    await once(resource, "close");
                    writes.push("(erased)");
                } else {
                    const shown = new Promise((resolve) => (heard = resolve));
                    resource.write(text + "\\n");
                    await shown;
                }
            }
            return 7;
        };
        const code = await m.withProgressLine({ args: input.args, env: input.env }, run, terminal);
        return { code, writes, folders: socket && existsSync(dirname(socket)) ? [socket] : [] };
    `;
    const input = { steps, args: ["up"], env: ROW, isTTY: true, ...changes };
    const { value, error } = await inModule("progress-line.mjs", body, input);
    expect(error).toBeUndefined();
    return value as Drawn;
}

test("progress is on the last row, the cursor stays where Pulumi left it, and the row is erased before the resource is done", async () => {
    const steps = [
        [0, "set1: 1%"],
        [0, "set1: 2%"],
        [0, null],
    ] as const;
    expect(await drawn(steps)).toEqual({
        code: 7,
        writes: [at(10, "set1: 1%"), at(10, "set1: 2%"), at(10, ""), "(erased)"],
        folders: [],
    });
});

test("of two resources the one that changed last is shown, and the other one again when it is done", async () => {
    const steps = [
        [0, "one: 1%"],
        [1, "two: 1%"],
        [1, null],
    ] as const;
    const { writes } = await drawn(steps);
    // The last one: the command has ended while the first resource had progress.
    expect(writes).toEqual([at(10, "one: 1%"), at(10, "two: 1%"), at(10, "one: 1%"), "(erased)", at(10, "")]);
});

test("a text is cut where the terminal ends, and moves the cursor nowhere", async () => {
    const { writes } = await drawn([
        [0, "set1: 67%, 1.20 GB of 1.80 GB, 12 of 40 images"],
        [0, "a\u001b[2Jb\tc"],
    ]);
    expect(writes.slice(0, 2)).toEqual([at(10, "set1: 67%, 1.20 GB of 1.80 G…"), at(10, "a [2Jb c")]);
});

test.each([
    ["no terminal", { isTTY: false }],
    ["a terminal that moves no cursor", { env: { ...ROW, TERM: "dumb" } }],
    ["lines by the user's choice", { env: { ...ROW, REGISTRY_PASSTHROUGH_PROGRESS: "lines" } }],
    ["a display without rows", { args: ["up", "--diff"] }],
    ["JSON", { args: ["preview", "--json"] }],
    ["no questions asked", { args: ["up", "--non-interactive"] }],
    ["a command that runs no providers", { args: ["stack", "output"] }],
])("nothing is drawn with %s", async (_, changes) => {
    expect(await drawn([[0, "set1: 1%"]], changes)).toEqual({ code: 7, writes: [], folders: [] });
});

test("a temporary folder in which there can be no socket does not keep the command from running", async () => {
    const body = `
        process.env.TMPDIR = "/nowhere";
        return m.withProgressLine(input, async () => 7, { isTTY: true, write: () => {} });
    `;
    expect(await inModule("progress-line.mjs", body, { args: ["up"], env: ROW })).toMatchObject({ value: 7 });
});
