import { appendFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Random, deriveSeed } from "./random";

/** How often a case runs: all of it by `npm run test:faults`, a sample of it by `npm test`. */
export interface Rounds {
    readonly all: number;
    readonly sample: number;
    /** What the rounds together must have counted: otherwise the fault was never met, and they prove nothing. */
    readonly met?: string;
    /** Bytes that the rounds together may leave; default: 64 MiB. */
    readonly maxLeft?: number;
}

/** One round of a case. */
export interface Round {
    readonly number: number;
    /** Everything that is left to chance comes from here. */
    readonly random: Random;
    /** Adds to a sum that is printed at the end: what the rounds really met. */
    count(what: string, howMany?: number): void;
}

const isWhole = process.env.FAULTS === "all";
const seed = Number(process.env.FAULT_SEED ?? (isWhole ? Date.now() % 1_000_000 : 1));
const only = process.env.FAULT_ROUND === undefined ? undefined : Number(process.env.FAULT_ROUND);
const MAX_LEAK = 64 * 1024 * 1024;

/**
 * A test that runs many rounds of one case, each from a seed of its own. A failure names case, seed and round, which
 * `FAULT_SEED` and `FAULT_ROUND` repeat (`FAULT_ROUNDS` plays so many); the end prints what was met, and memory must be where it was.
 */
export function faultCase(name: string, rounds: Rounds, play: (round: Round) => Promise<void>): void {
    const amount = Number(process.env.FAULT_ROUNDS ?? (isWhole ? rounds.all : rounds.sample));
    const numbers = only === undefined ? Array.from({ length: amount }, (_, at) => at + 1) : [only];
    const run = async () => {
        const sums = new Map<string, number>();
        const count = (what: string, howMany = 1) => void sums.set(what, (sums.get(what) ?? 0) + howMany);
        const began = performance.now();
        let settled: number | undefined;
        for (const number of numbers) {
            const random = new Random(deriveSeed(name, seed, number));
            await play({ number, random, count }).catch((error: unknown) => {
                throw repeatable(name, number, error);
            });
            // The first rounds fill caches and compile.
            if (number === Math.min(5, amount)) settled = memoryInUse();
        }
        const grown = settled === undefined ? 0 : memoryInUse() - settled;
        report(name, numbers.length, performance.now() - began, sums);
        if (only === undefined && rounds.met !== undefined && !sums.get(rounds.met))
            throw new Error(`${name}: no round of ${numbers.length} met it: ${rounds.met} 0`);
        if (grown > (rounds.maxLeft ?? MAX_LEAK))
            throw new Error(`${name}: ${numbers.length} rounds left ${grown} bytes in memory`);
    };
    test(`${name} (${numbers.length} rounds)`, run, 2 * 3600 * 1000);
}

function repeatable(name: string, number: number, error: unknown): unknown {
    const how = `FAULT_SEED=${seed} FAULT_ROUND=${number} npm run test:faults -- -t ${JSON.stringify(name)}`;
    if (!(error instanceof Error)) return new Error(`round ${number}; repeat it with: ${how}\n${String(error)}`);
    error.message = `round ${number}; repeat it with: ${how}\n${error.message}`;
    error.stack = `${error.message}\n${error.stack ?? ""}`;
    return error;
}

/** Bytes of the heap and beside it, after what nobody holds has gone. */
function memoryInUse(): number {
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
}

function report(name: string, rounds: number, milliseconds: number, sums: ReadonlyMap<string, number>): void {
    const met = [...sums].map(([what, sum]) => `${what} ${sum}`).join(", ");
    const line = `fault case | ${name} | ${rounds} rounds | FAULT_SEED=${seed} | ${(milliseconds / 1000).toFixed(1)} s | ${met}\n`;
    process.stdout.write(line);
    if (process.env.FAULT_REPORT !== undefined) appendFileSync(process.env.FAULT_REPORT, line);
}
