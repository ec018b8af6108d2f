import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createReport } from "../../cli/report/create-report";
import type { SiteReport } from "../../cli/report/site-report";
import { importedByState } from "../../cli/stack/imported-images";
import { readRecordedStack } from "../../cli/stack/recorded-stack";
import { readStackSite } from "../../cli/stack/stack-file";
import type { StackLock, StackRun } from "../../cli/stack/stack-runs";
import { recall } from "./recorded-state";
import { PROJECT } from "./stack";

const LOCKED = join(PROJECT, "test/fixtures/locks/with-mapping.lock.json");
const HOST = "registry.example:8443";

/** A resource of a state, as a test changes it. */
export interface StateResource {
    urn: string;
    type: string;
    outputs: Record<string, unknown>;
    delete?: boolean;
    initErrors?: string[];
}

/** A state as `pulumi stack export` gives it. */
export interface State {
    deployment: {
        manifest: { time: string };
        resources: StateResource[];
        pending_operations?: { type: string; resource: { urn: string } }[];
    };
}

export const SUCCEEDED: StackRun = { kind: "update", result: "succeeded", endedAt: "2026-11-24T18:00:00.000Z" };

/** What the engine knows besides the state. */
export interface Engine {
    readonly runs?: readonly StackRun[];
    readonly lock?: StackLock;
}

/** A stack's file and a recorded state of it, changed by tests, in a folder of its own. */
export class ReportSite {
    readonly folder = mkdtempSync(join(tmpdir(), "report "));
    readonly lock = join(this.folder, "set1.lock.json");
    readonly state: State;

    /** @param recorded a file of test/fixtures/state, of a stack with this kind of registry */
    constructor(recorded: string, kind = "distribution") {
        const text = readFileSync(join(PROJECT, "test/fixtures/state", recorded), "utf8");
        const site = { host: HOST, folder: this.folder, ca: "the CA" };
        this.state = JSON.parse(recall(text, site)) as State;
        cpSync(LOCKED, this.lock);
        for (const set of this.resources("ImageImport")) set.outputs.lock = this.lock;
        writeFileSync(join(this.folder, "Pulumi.yaml"), "name: registry-passthrough\nruntime: nodejs\n");
        this.configure({}, kind);
    }

    /** Writes the stack's file, with more keys of the site. */
    configure(more: object, type = "distribution"): void {
        const site = {
            registry: { type, mirrorBase: `${HOST}/mirror` },
            cluster: { version: "4.20.0", contactSource: "never" },
            content: [{ archive: "/nowhere", lock: this.lock }],
            ...more,
        };
        writeFileSync(
            join(this.folder, "Pulumi.test.yaml"),
            JSON.stringify({ config: { "registry-passthrough:site": site } }),
        );
    }

    resources(kind: string): StateResource[] {
        return this.state.deployment.resources.filter(({ type }) => type.endsWith(`:${kind}`));
    }

    /** The outputs of the only resource of this kind. */
    outputs(kind: string): Record<string, unknown> {
        return this.resources(kind)[0]?.outputs ?? {};
    }

    add(kind: string, name: string, outputs: Record<string, unknown>): void {
        const type = `pulumi-nodejs:dynamic/registry-passthrough:${kind}`;
        const urn = `urn:pulumi:test::registry-passthrough::${type}::${name}`;
        this.state.deployment.resources.push({ urn, type, outputs });
    }

    /** Takes out all resources of this kind. */
    drop(kind: string): void {
        const { deployment } = this.state;
        deployment.resources = deployment.resources.filter(({ type }) => !type.endsWith(`:${kind}`));
    }

    async report({ runs = [SUCCEEDED], lock }: Engine = {}): Promise<SiteReport> {
        const site = readStackSite({ stack: "test", folder: this.folder });
        const recorded = readRecordedStack(this.state, "test");
        return createReport({
            stack: "test",
            site,
            recorded,
            imported: importedByState(this.state, "test"),
            runs,
            lock,
        });
    }

    /** A folder with a `pulumi` that prints the state and a history, for `PATH`. */
    pulumi(history: unknown): string {
        const bin = join(this.folder, "bin");
        mkdirSync(bin, { recursive: true });
        writeFileSync(join(this.folder, "state.json"), JSON.stringify(this.state));
        writeFileSync(join(this.folder, "history.json"), JSON.stringify(history));
        const print = (name: string) =>
            `while read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done < "${join(this.folder, name)}"`;
        const cases = `"stack export") ${print("state.json")};;\n"stack history") ${print("history.json")};;\n*) exit 9;;`;
        writeFileSync(join(bin, "pulumi"), `#!/bin/sh\ncase "$1 $2" in\n${cases}\nesac\n`, { mode: 0o755 });
        return bin;
    }

    remove(): void {
        rmSync(this.folder, { recursive: true, force: true });
    }
}
