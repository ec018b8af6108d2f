/** Silence longer than this makes people wonder whether a step hangs. */
const beatMilliseconds = 10_000;

/**
 * @typedef {object} Progress
 * @property {(line: string) => void} note one plain line
 * @property {<T>(title: string, work: () => Promise<T>) => Promise<T>} step a numbered step: its title, then its work
 * @property {<T>(label: string, work: () => Promise<T>) => Promise<T>} beat work that is silent for long: a line every 10 s
 */

/**
 * Plain lines, the same with and without a terminal. They go to stderr by default, so that a command whose stdout is
 * data (`stack output --json`) stays readable for machines.
 *
 * @param {{stream?: NodeJS.WritableStream, steps?: number}} [options] `steps`: how many steps there will be, for `[1/7]`
 * @returns {Progress}
 */
export function createProgress({ stream = process.stderr, steps = 0 } = {}) {
    let current = 0;
    const note = (/** @type {string} */ line) => void stream.write(`${line}\n`);
    return {
        note,
        async step(title, work) {
            current += 1;
            note(steps > 0 ? `[${current}/${steps}] ${title}` : title);
            return work();
        },
        beat: (label, work) => beat(note, label, work),
    };
}

/**
 * @template T
 * @param {(line: string) => void} note
 * @param {string} label
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function beat(note, label, work) {
    const started = Date.now();
    const timer = setInterval(
        () => note(`      … still ${label} (${Math.round((Date.now() - started) / 1000)} s)`),
        beatMilliseconds,
    );
    try {
        return await work();
    } finally {
        clearInterval(timer);
    }
}
