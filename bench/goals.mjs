import { ALL } from "./works/delta.mjs";
import { byRound, median, pairedRatio } from "./statistics.mjs";

const MiB = 1024 * 1024;

/**
 * One goal and what was measured.
 *
 * @typedef {object} Verdict
 * @property {string} goal
 * @property {string} measured
 * @property {boolean} met
 */

/** @typedef {import("./rounds.mjs").Series} Series */

/**
 * @param {string} work
 * @param {Series[]} series
 * @returns {Verdict[]}
 */
export function verdicts(work, series) {
    if (series.some(({ role }) => role === "baseline")) return notSlowerThanBaseline(series);
    const judge = goals[work];
    if (judge === undefined) throw new Error(`there are no goals for ${work}`);
    return judge(series);
}

/** A change may cost 5 % at most. @param {Series[]} series @returns {Verdict[]} */
function notSlowerThanBaseline(series) {
    return series
        .filter(({ role }) => role === "ours")
        .map((one) => {
            const goal = `${one.name}: at most 1.05 x the baseline`;
            return atMost(goal, one, named(series, `${one.name}, baseline`), 1.05);
        });
}

/** @type {Record<string, (series: Series[]) => Verdict[]>} */
const goals = {
    A: (series) => [notSlowerThanBestPeer(series), ...modest(series)],
    B: (series) => [
        atMost("at most 1.15 x floor", named(series, "ours"), findFloor(series), 1.15),
        fasterThanBestPeer(series, 1.6),
        ...series
            .filter(({ name }) => name === "crane push --index")
            .map((other) => atMost("not slower than crane push --index", named(series, "ours"), other, 1)),
        littleCpu(named(series, "ours"), findFloor(series), 1.1),
        atMost("first up: at most 1.5 x the import alone", named(series, "first up"), named(series, "ours"), 1.5),
        smallWhole(named(series, "first up"), 450),
        ...modest(series, 200),
    ],
    C: (series) => [fasterThanBestPeer(series, 2), ...modest(series)],
    D: (series) => [
        ...["oci-archive", "oc-mirror"].map((form) =>
            atMost(`${form}: at most 1.10 x the folder`, named(series, form), findFloor(series), 1.1),
        ),
        ...modest(series),
    ],
    E: (series) => [
        requestsPerImage(named(series, "importer that knows no state"), { limit: 1, images: 1000, once: 0 }),
        over("up", named(series, "up"), findFloor(series), { seconds: 5, what: "an empty program" }),
        over("npm run up", named(series, "npm run up"), findFloor(series), { seconds: 5, what: "an empty program" }),
        requestsPerImage(named(series, "npm run up"), { limit: 4, images: 1000, once: 20 }),
        smallProvider(series),
    ],
    F: (series) => [
        ...["lock", "index", "lock, in memory", "index, in memory"].map((name) => {
            const headers = name.endsWith("in memory") ? "headers alone, in memory" : "headers alone";
            return atMost(`${name}: at most 1.2 x headers`, named(series, name), named(series, headers), 1.2);
        }),
        over("preview", named(series, "preview"), named(series, "preview of an empty program"), {
            seconds: 5,
            what: "an empty program",
        }),
        smallProvider(series),
    ],
    G: (series) => {
        const all = named(series, ALL);
        const changed = findFloor(series);
        return [
            sameBytes(all, changed),
            atMost("at most 1.3 x an archive of the changed images", all, changed, 1.3),
            fasterThanBestPeer(series, 1, all),
            ...modest(series),
        ];
    },
    H: (series) =>
        series
            .filter(({ role }) => role === "ours")
            .map((found) => {
                const [profile = ""] = found.name.split(": ");
                const fixed = series.filter(({ name, role }) => role === "floor" && name.startsWith(`${profile}: `));
                const ratio = pairedRatio(seconds(findFloor(fixed)), seconds(found));
                const goal = `${profile}: at least 0.9 x the speed of the best fixed number`;
                return { goal, measured: shown(ratio), met: ratio.median >= 0.9 };
            }),
    I: (series) => {
        const floor = findFloor(series);
        return [
            over("up", named(series, "up"), floor, { seconds: 15, what: "an empty program" }),
            smallProvider(series),
        ];
    },
    K: (series) => {
        const [one, floor] = [named(series, "with a cluster"), findFloor(series)];
        return [
            over(one.name, one, floor, { seconds: 1.5, what: "the preview without" }),
            smallProgram(one, floor, 60),
        ];
    },
};

/** The fastest of those that put each image where it belongs. @param {Series[]} series @returns {Series | undefined} */
export function bestPeer(series) {
    const peers = series.filter(({ role, placesImages }) => role === "peer" && placesImages);
    return peers.sort((a, b) => median(seconds(a)) - median(seconds(b)))[0];
}

/** @param {Series} one @returns {number[]} by round */
export function seconds(one) {
    return one.runs.map((run) => run.seconds);
}

/** @param {Series[]} series @returns {Verdict} */
function notSlowerThanBestPeer(series) {
    const peer = bestPeer(series);
    if (peer === undefined) return noPeer("not slower than the best peer");
    return atMost(`not slower than the best peer (${peer.name})`, named(series, "ours"), peer, 1);
}

/** @param {Series[]} series @param {number} factor @param {Series} [one] @returns {Verdict} */
function fasterThanBestPeer(series, factor, one = named(series, "ours")) {
    const peer = bestPeer(series);
    if (peer === undefined) return noPeer(`${factor} x faster than the best peer`);
    const ratio = pairedRatio(seconds(peer), seconds(one));
    const goal = `${factor} x faster than the best peer (${peer.name})`;
    return { goal, measured: shown(ratio), met: ratio.median >= factor };
}

/** @param {string} goal @param {Series} left @param {Series} right @param {number} limit @returns {Verdict} */
function atMost(goal, left, right, limit) {
    const ratio = pairedRatio(seconds(left), seconds(right));
    return { goal, measured: shown(ratio), met: ratio.median <= limit };
}

/** @param {Series} one @param {Series} floor @param {number} limit @returns {Verdict} */
function littleCpu(one, floor, limit) {
    const cpu = (/** @type {Series} */ { runs }) => runs.map(({ cpuSeconds }) => cpuSeconds);
    const ratio = pairedRatio(cpu(one), cpu(floor));
    return { goal: `at most ${limit} x the floor's CPU time`, measured: shown(ratio), met: ratio.median <= limit };
}

/** Of all processes of an `up` together. @param {Series} one @param {number} limit MiB @returns {Verdict} */
function smallWhole({ name, runs }, limit) {
    const most = Math.max(...runs.map(({ memoryBytes }) => memoryBytes)) / MiB;
    const goal = `${name}: at most ${limit} MiB of memory for all of its processes`;
    return { goal, measured: `${Math.round(most)} MiB`, met: most <= limit };
}

/** @param {Series} one @param {Series} floor @returns {Verdict} that it sent what the floor sent */
function sameBytes(one, floor) {
    const sent = (/** @type {Series} */ { runs }) => [...new Set(runs.map(({ sentBytes = NaN }) => sentBytes))];
    const [all, changed] = [sent(one), sent(floor)];
    return {
        goal: "it sends the changed bytes",
        measured: `${all.join(", ")} bytes of ${changed.join(", ")}`,
        met: all.length === 1 && changed.length === 1 && all[0] === changed[0],
    };
}

/**
 * `ours` takes at most so many seconds more than something else does.
 *
 * @param {string} name
 * @param {Series} ours
 * @param {Series} other
 * @param {{seconds: number, what: string}} limit
 * @returns {Verdict}
 */
function over(name, ours, other, { seconds: limit, what }) {
    const difference = median(byRound(seconds(ours), seconds(other), (a, b) => a - b));
    const measured = `${difference.toFixed(2)} s over it`;
    return { goal: `${name}: at most ${limit} s over ${what}`, measured, met: difference <= limit };
}

/** @param {Series} ours @param {Series} other @param {number} limit MiB @returns {Verdict} */
function smallProgram(ours, other, limit) {
    const memory = (/** @type {Series} */ { runs }) => runs.map(({ programBytes }) => programBytes);
    const difference = median(byRound(memory(ours), memory(other), (a, b) => a - b)) / MiB;
    return {
        goal: `${ours.name}: at most ${limit} MiB more for the program`,
        measured: `${Math.round(difference)} MiB more`,
        met: difference <= limit,
    };
}

/**
 * @param {Series} one
 * @param {{limit: number, images: number, once: number}} goal `once`: requests of a run that are about no image
 * @returns {Verdict}
 */
function requestsPerImage({ name, runs }, { limit, images, once }) {
    const counts = runs.map(({ requests }) => Object.values(requests).reduce((sum, count) => sum + count, 0));
    const most = Math.max(...counts);
    const beside = once === 0 ? "" : `, and ${once} of the run`;
    return {
        goal: `${name}: at most ${limit} ${limit === 1 ? "request" : "requests"} per image${beside}`,
        measured: `${(most / images).toFixed(3)} requests per image`,
        met: most <= limit * images + once,
    };
}

/** @param {Series[]} series @param {number} [memory] MiB for the provider @returns {Verdict[]} */
function modest(series, memory) {
    const own = series.filter(({ role, name }) => role === "ours" || name === "layout in a folder");
    const disk = Math.max(...own.flatMap(({ runs }) => runs.map(({ diskBytes }) => diskBytes)));
    return [
        smallProvider(own, memory),
        { goal: "no extra disk", measured: `${Math.round(disk / MiB)} MiB`, met: disk === 0 },
    ];
}

/**
 * Of the process that runs the providers; where the engine takes no part, of the importer without Pulumi's SDK.
 *
 * @param {Series[]} own
 * @param {number} [limit] MiB
 * @returns {Verdict}
 */
function smallProvider(own, limit = 256) {
    const all = own.flatMap(({ runs }) => runs);
    const provider = Math.max(...all.map((run) => run.providerBytes || 0));
    const memory = provider || Math.max(...all.map(({ memoryBytes }) => memoryBytes));
    return {
        goal: `at most ${limit} MiB of memory for the provider`,
        measured: `${Math.round(memory / MiB)} MiB${provider > 0 ? "" : " (the importer alone)"}`,
        met: memory <= limit * MiB,
    };
}

/** @param {string} goal @returns {Verdict} */
function noPeer(goal) {
    return { goal, measured: "there was no peer", met: false };
}

/** @param {ReturnType<typeof pairedRatio>} ratio @returns {string} */
function shown({ median: middle, least, greatest }) {
    return `${middle.toFixed(2)} x (${least.toFixed(2)} to ${greatest.toFixed(2)})`;
}

/** @param {Series[]} series @returns {Series} */
function findFloor(series) {
    const found = series.find(({ role }) => role === "floor");
    if (found === undefined) throw new Error("there is no floor");
    return found;
}

/** @param {Series[]} series @param {string} name @returns {Series} */
function named(series, name) {
    const found = series.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no series ${name}`);
    return found;
}
