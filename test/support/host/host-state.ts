import type { ChildProcess } from "node:child_process";
import { isRunning } from "../processes";

/** What the stand-ins of a host know. */
export interface HostState {
    images: Record<string, { readonly names: readonly string[] }>;
    containers: Record<string, Container>;
    enabled: readonly string[];
    active: readonly string[];
    /** Rules by the name of their table. */
    tables: Record<string, string>;
    /** Of podman. */
    version: string;
    /** Names of containers in the order in which they were started. */
    starts: readonly string[];
}

export interface Container {
    readonly process: ChildProcess;
    readonly labels: Readonly<Record<string, string>>;
    readonly image: string;
}

export function newState(): HostState {
    return { images: {}, containers: {}, enabled: [], active: [], tables: {}, version: "4.9.4", starts: [] };
}

/** A container whose process runs. */
export function runningContainer({ containers }: HostState, name: string): Container | undefined {
    const found = containers[name];
    return found !== undefined && isRunning(found.process) ? found : undefined;
}

/** All entries but one. */
export function without<T>(entries: Readonly<Record<string, T>>, name: string): Record<string, T> {
    return Object.fromEntries(Object.entries(entries).filter(([one]) => one !== name));
}

/** Ends a program: what it printed, and its status. */
export class Ended extends Error {
    constructor(
        readonly status: number,
        readonly stdout: string,
        readonly stderr: string,
    ) {
        super(stderr || stdout);
    }
}

/** A program fails, with status 125 where it is used in a way that its stand-in does not know. */
export function fail(text: string, status = 125): never {
    throw new Ended(status, "", `${text}\n`);
}
