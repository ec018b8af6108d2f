import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { parseJson } from "../../lib/errors/text";
import { homeFolder } from "../../lib/files/home-folder";

/** A run of the engine that has ended, as its history has it. */
export interface StackRun {
    /** `update` (an `up`), `refresh`, `destroy`, … */
    readonly kind: string;
    /** `succeeded` or `failed`. */
    readonly result: string;
    /** RFC 3339. */
    readonly endedAt?: string;
}

/** A run that holds the lock of a stack. */
export interface StackLock {
    /** RFC 3339; absent if the lock does not say it. */
    readonly since?: string;
}

/** One entry of `pulumi stack history --json`; its configuration is not looked at. */
export const stackHistory = z.array(
    z
        .looseObject({ kind: z.string(), result: z.string(), endTime: z.string().optional() })
        .transform(({ kind, result, endTime }): StackRun => {
            const ended = Date.parse(endTime ?? "");
            return { kind, result, ...(Number.isNaN(ended) ? {} : { endedAt: new Date(ended).toISOString() }) };
        }),
);

const lockFile = z.looseObject({ timestamp: z.string().optional() });

/**
 * The lock of a stack in a backend of files, which the Pulumi CLI does not tell of: one JSON file for each run
 * (pkg/backend/diy/lock.go).
 * @param backend URL of `PULUMI_BACKEND_URL`
 * @returns undefined if there is none, or the backend is another one
 */
export function stackLock(backend: string | undefined, project: string, stack: string): StackLock | undefined {
    const root = backendFolder(backend);
    if (root === undefined) return undefined;
    const folder = join(root, ".pulumi", "locks", "organization", project, stack);
    const name = existsSync(folder) ? readdirSync(folder).find((file) => file.endsWith(".json")) : undefined;
    if (name === undefined) return undefined;
    const { timestamp: since } = lockFile.safeParse(readLock(join(folder, name))).data ?? {};
    return since === undefined ? {} : { since };
}

/** One that goes away in the meantime was released; that it was there is enough. */
function readLock(path: string): unknown {
    try {
        return parseJson(readFileSync(path, "utf8"));
    } catch {
        return undefined;
    }
}

function backendFolder(backend: string | undefined): string | undefined {
    const [url = ""] = (backend ?? "").split("?", 1);
    if (url.startsWith("file://~")) {
        const home = homeFolder();
        return home === undefined ? undefined : join(home, url.slice("file://~".length));
    }
    return url.startsWith("file:///") ? fileURLToPath(url) : undefined;
}
