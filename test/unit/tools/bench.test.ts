import { inModule } from "./script-module";

const MIB = 1024 * 1024;

function series(name: string, role: string, seconds: readonly number[], placesImages = true) {
    const facts = { cpuSeconds: 1, registryCpuSeconds: 1, memoryBytes: 100 * MIB, providerBytes: 0, diskBytes: 0 };
    return { name, role, placesImages, runs: seconds.map((one) => ({ ...facts, seconds: one, requests: { PUT: 2 } })) };
}

const B = [
    series("ours", "ours", [4, 5, 4.4]),
    series("floor (10 PUTs)", "floor", [4, 4, 4], false),
    series("skopeo x4", "peer", [8, 8, 8.8]),
    series("regctl", "peer", [18, 18, 18]),
    series("crane push --index", "peer", [4, 4, 4], false),
    series("first up", "ours", [6, 8, 6.6]),
];

test("one object of a work has the medians in seconds, and names the best of the peers that place images", async () => {
    const { value } = await inModule("../bench/report.mjs", "return m.summary('B', input, ['crane: none']);", B);
    expect(value).toMatchObject({
        work: "B",
        ours: 4.4,
        floor: 4,
        peers: { "skopeo x4": 8, regctl: 18, "crane push --index": 4 },
        bestPeer: "skopeo x4",
        missing: ["crane: none"],
    });
});

test("goals are judged by ratios of the same round, not by ratios of medians", async () => {
    const { value } = await inModule("../bench/goals.mjs", "return m.verdicts('B', input);", B);
    expect(value).toEqual([
        { goal: "at most 1.15 x floor", measured: "1.10 x (1.00 to 1.25)", met: true },
        { goal: "1.6 x faster than the best peer (skopeo x4)", measured: "2.00 x (1.60 to 2.00)", met: true },
        { goal: "not slower than crane push --index", measured: "1.10 x (1.00 to 1.25)", met: false },
        { goal: "at most 1.1 x the floor's CPU time", measured: "1.00 x (1.00 to 1.00)", met: true },
        { goal: "first up: at most 1.5 x the import alone", measured: "1.50 x (1.50 to 1.60)", met: true },
        { goal: "first up: at most 450 MiB of memory for all of its processes", measured: "100 MiB", met: true },
        { goal: "at most 200 MiB of memory for the provider", measured: "100 MiB (the importer alone)", met: true },
        { goal: "no extra disk", measured: "0 MiB", met: true },
    ]);
});

test("beside a baseline, only the comparison with it is judged: at most 5 % slower, round by round", async () => {
    const pair = [
        series("ours", "ours", [4, 8, 4.1]),
        series("ours, baseline", "baseline", [4, 8, 4]),
        series("first up", "ours", [6, 6, 6]),
        series("first up, baseline", "baseline", [5, 6, 5]),
    ];
    const { value } = await inModule("../bench/goals.mjs", "return m.verdicts('B', input);", pair);
    expect(value).toEqual([
        { goal: "ours: at most 1.05 x the baseline", measured: "1.00 x (1.00 to 1.02)", met: true },
        { goal: "first up: at most 1.05 x the baseline", measured: "1.20 x (1.00 to 1.20)", met: false },
    ]);
});

test("what a cluster adds to a preview is judged by the differences of each round, in time and in the program's memory", async () => {
    const K = [series("with a cluster", "ours", [6, 9, 6.4]), series("without", "floor", [5, 8, 5], false)].map(
        (one) => ({
            ...one,
            runs: one.runs.map((run, at) => ({
                ...run,
                programBytes: (one.role === "ours" ? 250 + 10 * at : 190) * MIB,
            })),
        }),
    );
    const { value } = await inModule("../bench/goals.mjs", "return m.verdicts('K', input);", K);
    expect(value).toEqual([
        { goal: "with a cluster: at most 1.5 s over the preview without", measured: "1.00 s over it", met: true },
        { goal: "with a cluster: at most 60 MiB more for the program", measured: "70 MiB more", met: false },
    ]);
});

test("one request more than a goal allows is not met", async () => {
    const asked = (name: string, role: string, requests: number) => ({
        ...series(name, role, [2]),
        runs: series(name, role, [2]).runs.map((run) => ({ ...run, requests: { HEAD: requests } })),
    });
    const verdicts = async (importer: number, up: number) => {
        const importers = asked("importer that knows no state", "ours", importer);
        const E = [
            importers,
            asked("up", "ours", 0),
            asked("npm run up", "ours", up),
            asked("empty program", "floor", 0),
        ];
        const { value } = await inModule("../bench/goals.mjs", "return m.verdicts('E', input);", E);
        return (value as { goal: string; met: boolean }[]).flatMap(({ goal, met }) =>
            goal.includes("per image") ? [met] : [],
        );
    };
    expect(await verdicts(1000, 4020)).toEqual([true, true]);
    expect(await verdicts(1001, 4021)).toEqual([false, false]);
});

test("a provider that takes more than its goal is told, however little the rest takes", async () => {
    const greedy = B.map((one) => ({ ...one, runs: one.runs.map((run) => ({ ...run, providerBytes: 257 * MIB })) }));
    const { value } = await inModule("../bench/goals.mjs", "return m.verdicts('B', input);", greedy);
    expect(value).toContainEqual(expect.objectContaining({ measured: "257 MiB", met: false }));
});

test("what a process started from any of its threads counts", async () => {
    const body = `
        const { spawn } = await import("node:child_process");
        const thread = "require('child_process').spawn('sleep', ['60']); setInterval(() => {}, 1000)";
        const code = \`const w = new (require("worker_threads").Worker)(\${JSON.stringify(thread)}, { eval: true });
            w.once("online", () => setInterval(() => {}, 1000))\`;
        const parent = spawn(process.execPath, ["-e", code], { detached: true, stdio: "ignore" });
        try {
            for (;;) {
                const all = m.tree(parent.pid).length;
                if (all === 2) return all;
                await new Promise((resolve) => setImmediate(resolve));
            }
        } finally {
            process.kill(-parent.pid, "SIGKILL");
        }`;
    expect((await inModule("../bench/process-tree.mjs", body, null)).value).toBe(2);
});
