import { readFileSync } from "node:fs";
import { basename } from "node:path";
import * as pulumi from "@pulumi/pulumi";

/** No chain of processes is longer; it also ends at process 1. */
const MAX_ANCESTORS = 20;

/**
 * True if this is the update of a `pulumi up` that has shown its preview: what a preview prints has been printed then. The
 * engine says it to neither program nor provider, so it is read from the command line of the CLI, which is an ancestor of
 * both. Where that cannot be read, no preview counts as shown.
 * @param commands arguments of the processes above this one
 */
export function followsPreview(commands: readonly (readonly string[])[] = ancestorCommands()): boolean {
    return !pulumi.runtime.isDryRun() && commands.some(isUpWithPreview) && !skipsByEnvironment();
}

/** True for the arguments of `pulumi up` without a flag that skips the preview. */
function isUpWithPreview([program = "", ...args]: readonly string[]): boolean {
    if (basename(program) !== "pulumi" || !args.some((arg) => arg === "up" || arg === "update")) return false;
    return !args.some((arg) => /^(--skip-preview(=true)?|-[a-z]*f[a-z]*)$/.test(arg));
}

function skipsByEnvironment(): boolean {
    return Object.keys(process.env).some((name) => name.startsWith("PULUMI_") && name.endsWith("SKIP_PREVIEW"));
}

function ancestorCommands(): string[][] {
    const commands: string[][] = [];
    try {
        for (let pid = process.ppid; pid > 1 && commands.length < MAX_ANCESTORS; pid = parentProcess(pid))
            commands.push(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1));
    } catch {
        // Not Linux, or hidden.
    }
    return commands;
}

/** The fourth field of stat(5); the second is a name that may contain anything but ends with the last parenthesis. */
function parentProcess(pid: number): number {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}
