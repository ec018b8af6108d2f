import { createRequire } from "node:module";

/** What the debug log can show (docs/debugging.md). */
export const AREAS = ["http", "retry", "plan", "transfer", "archive", "provider"] as const;
export type Area = (typeof AREAS)[number];

const VARIABLE = "REGISTRY_PASSTHROUGH_DEBUG";

/** A logger of the debug package: it prints to stderr, with the time, and in colours on a terminal. */
interface Logger {
    (format: string, text: string): void;
    enabled: boolean;
}

/** Takes secrets out of a line. */
export type LineFilter = (line: string) => string;

const loggers = createLoggers(process.env[VARIABLE] ?? "");
let filter: LineFilter = (line) => line;

/** True if the debug log shows this area. */
export function isDebugging(area: Area): boolean {
    return loggers.has(area);
}

/** True if the debug log shows anything. */
export function isAnyDebugging(): boolean {
    return loggers.size > 0;
}

/**
 * Writes a line to the debug log if `REGISTRY_PASSTHROUGH_DEBUG` names the area.
 * @param line made only then: what happened and why, in one line
 */
export function debug(area: Area, line: () => string): void {
    loggers.get(area)?.("%s", oneLine(filter(line())));
}

/** Sets what takes secrets out of each line. Whoever sends secrets sets it before the first one is sent. */
export function filterLines(remove: LineFilter): void {
    filter = remove;
}

/**
 * Not Node's `util.debuglog`: it is switched by NODE_DEBUG, read once at start, and `NODE_DEBUG=http` would have Node
 * itself print headers with passwords. The package is loaded only if there is something to print.
 */
function createLoggers(selection: string): ReadonlyMap<Area, Logger> {
    const areas = selectAreas(selection);
    if (areas.length === 0) return new Map();
    const createLogger = createRequire(__filename)("debug") as (name: string) => Logger;
    return new Map(
        areas.map((area) => {
            const logger = createLogger(`registry-passthrough:${area}`);
            // On this logger alone: DEBUG and the loggers of other packages stay as they are.
            logger.enabled = true;
            return [area, logger];
        }),
    );
}

/** `http,retry` are two areas, `*` is all of them, `*,-http` all but one. */
function selectAreas(selection: string): Area[] {
    const names = selection.split(/[\s,]+/).filter((name) => name !== "");
    const unknown = names.filter((name) => name !== "*" && !AREAS.some((area) => area === name.replace(/^-/, "")));
    if (unknown.length > 0) {
        const known = `"*" or of ${AREAS.join(", ")}`;
        process.stderr.write(`warning: ${VARIABLE} names ${unknown.join(", ")}; write a list of ${known}\n`);
    }
    const isSelected = (area: Area) => names.includes(area) || names.includes("*");
    return AREAS.filter((area) => isSelected(area) && !names.includes(`-${area}`));
}

/** Texts of a registry may be in a line: they start no line of their own and steer no terminal. */
function oneLine(text: string): string {
    return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}
