import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import {
    type ExecuteOptions,
    type ImportPlan,
    type ImportResult,
    type Verification,
    executePlan,
    imageTask,
    planImport,
    verifyImages,
} from "../../../lib/import";
import { readLock } from "../../../lib/lock";
import { type CarryOutOptions, carryOut } from "../../../lib/passthrough";
import { type MirrorBase, parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { RegistryClient, type RegistryClientOptions } from "../../../lib/distribution/client/registry-client";
import type { BlobSource, ImageSet } from "../../../lib/mirror/image-set";
import type { Digest } from "../../../lib/oci/digest";
import { type TestAuthority, testAuthority } from "../certificates";
import { leaks } from "../canary";
import { type Disk, RegistryProcess } from "../registry-process";
import { digestAsked, isBlobPut } from "./fault";
import { FaultProxy } from "./fault-proxy";
import { RegistryStorage } from "./registry-storage";

/** What is brought: a set and where its bytes are. */
export type Content = BlobSource & { readonly set: ImageSet };

/** What a run came to: never thrown, so that a test says what it expects of it. */
export interface Outcome {
    readonly plan: ImportPlan | undefined;
    readonly result: ImportResult | undefined;
    /** What ended the run before its images. */
    readonly error: unknown;
}

type RunOptions = Partial<RegistryClientOptions> & { readonly suspects?: readonly string[] };

/** Thousands of rounds write and wipe: in memory where there is a file system for it (Linux). */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
/** Quick to try again: what is under test is whether it does, not how long it waits. */
export const QUICK = { seconds: 30, firstDelay: 1, longestDelay: 20 } as const;
export const ACCOUNT = { username: "pusher", password: "canary-fault-7d1e/+ä" } as const;

/** A real registry behind the fault proxy, and the importer in this process, as the provider runs it. */
export class FaultSite {
    /** Beside the account: tokens that were given out for it. */
    tokens: Iterable<string> = [];
    /** Where the importers of this site note their open uploads. */
    readonly journals = join(mkdtempSync(join(tmpdir(), "journals ")), "uploads");
    /** All that was said since `clear`, to people or to machines: results, events, waits, warnings, errors. */
    private said: string[] = [];

    private constructor(
        readonly authority: TestAuthority,
        readonly registry: RegistryProcess,
        readonly proxy: FaultProxy,
        readonly storage: RegistryStorage,
    ) {}

    /**
     * @param options `account: false`: the registry behind the proxy asks nobody for a password; `disk`: as of
     * RegistryProcess
     */
    static async start(options: { account?: boolean; disk?: Disk } = {}): Promise<FaultSite> {
        const authority = await testAuthority();
        const folder = mkdtempSync(join(MEMORY, "registry "));
        const registry = await RegistryProcess.start({
            folder,
            ...(options.account === false ? {} : { account: ACCOUNT }),
            ...(options.disk === undefined ? {} : { disk: options.disk }),
        });
        const proxy = await FaultProxy.start(registry.port, await authority.issue());
        return new FaultSite(authority, registry, proxy, new RegistryStorage(registry.storage()));
    }

    get base(): MirrorBase {
        return parseMirrorBase(`${this.proxy.host}/mirror`);
    }

    client(options: Partial<RegistryClientOptions> = {}): RegistryClient {
        const endpoint = { host: this.proxy.host, ca: this.authority.ca };
        return new RegistryClient({ endpoint, credentials: ACCOUNT, requests: 8, retry: QUICK, ...options });
    }

    /** An empty registry and a proxy without faults, for the next round. */
    clear(): void {
        this.proxy.clear();
        this.registry.forget();
        this.storage.wipe();
        rmSync(this.journals, { recursive: true, force: true });
        this.said = [];
    }

    /** Takes note of what was said, to be searched for secrets. Errors are taken whole: stack, facts and causes. */
    hear(what: unknown): void {
        this.said.push(typeof what === "string" ? what : inspect(what, { depth: Infinity, maxStringLength: null }));
    }

    /** What the registry has and the importers have noted now, to be brought back as often as it is needed. */
    saved(): { restore: () => void; remove: () => void } {
        const folder = mkdtempSync(join(MEMORY, "saved "));
        const places = [
            [this.registry.storage(), join(folder, "registry")],
            [this.journals, join(folder, "journals")],
        ] as const;
        for (const [from, to] of places) if (existsSync(from)) cpSync(from, to, { recursive: true });
        return {
            restore: () => {
                this.clear();
                for (const [to, from] of places) if (existsSync(from)) cpSync(from, to, { recursive: true });
            },
            remove: () => rmSync(folder, { recursive: true }),
        };
    }

    /** Calls `act` when so many bytes have been passed on to the registry. */
    whenCarried(bytes: number, act: () => void): void {
        let left = bytes;
        this.proxy.watch = (side, length) => {
            const before = left;
            if (side === "request") left -= length;
            if (before > 0 && left <= 0) act();
            return undefined;
        };
    }

    /** The registry loses a blob or a manifest behind its own back. */
    loseBlob(digest: Digest): void {
        rmSync(dirname(this.storage.blobFile(digest)), { recursive: true });
    }

    /** Plans and carries out. */
    bring(content: Content, options: RunOptions = {}): Promise<Outcome> {
        return this.attempt(content.set, options, (client, plan, told) => executePlan(client, content, plan, told));
    }

    /** As the provider does it: the archive is opened, and held against its lock before the first byte is sent. */
    async bringArchive({ path, lock }: { readonly path: string; readonly lock: string }): Promise<Outcome> {
        const set = { archive: [path], path: lock, lock: await readLock(lock) };
        return this.attempt(set.lock, {}, (client, plan, told) => carryOut(client, plan, set, told));
    }

    private async attempt(
        set: ImageSet,
        { suspects = [], ...ofClient }: RunOptions,
        carry: (
            client: RegistryClient,
            plan: ImportPlan,
            told: ExecuteOptions & CarryOutOptions,
        ) => Promise<ImportResult>,
    ): Promise<Outcome> {
        const client = this.client(ofClient);
        const hear = (what: unknown) => this.hear(what);
        client.onWait(hear);
        let plan: ImportPlan | undefined;
        try {
            const request = { images: set.images, set, base: this.base, suspects: new Set(suspects) };
            plan = await planImport(client, request);
            const listeners = { onEvent: hear, onProgress: hear, onWarning: hear };
            const options = { registryKind: "distribution", journals: this.journals } as const;
            const result = await carry(client, plan, { ...options, ...listeners });
            this.hear(JSON.stringify(result));
            return { plan, result, error: undefined };
        } catch (error) {
            this.hear(error);
            return { plan, result: undefined, error };
        } finally {
            await client.close();
        }
    }

    /** Reads every image back, byte for byte. */
    async verify(content: Content, options: Partial<RegistryClientOptions> = {}): Promise<Verification> {
        const client = this.client(options);
        client.onWait((wait) => this.hear(wait));
        try {
            const checks = Object.entries(content.set.images).map(([source, digest]) => ({
                ...imageTask(this.base, source, digest),
                whole: true,
            }));
            const verification = await verifyImages(client, checks);
            this.hear(JSON.stringify(verification));
            return verification;
        } catch (error) {
            this.hear(error);
            throw error;
        } finally {
            await client.close();
        }
    }

    /** What must hold after every run, whatever came of it: nothing wrong is stored, and no secret was said. */
    holdsNothingWrong(): void {
        expect(this.storage.wrong()).toEqual([]);
        expect(this.said).not.toEqual([]);
        expect(secretsIn(this.said.join("\n"), this.tokens)).toEqual([]);
    }

    /**
     * The next run without faults: it completes, sends no blob that a repository has, and every byte can be read back.
     * @returns how many blobs it had to send.
     */
    async converges(content: Content, options: { suspects?: readonly string[] } = {}): Promise<number> {
        const held = this.storage.held();
        this.proxy.clear();
        const outcome = await this.bring(content, options);
        expect(outcome.error).toBeUndefined();
        expect(outcome.result?.failed).toEqual([]);
        expect(outcome.result?.done).toEqual(content.set.images);
        const sent = this.proxy.passed.filter(isBlobPut);
        const again = sent
            .map((put) => `${repositoryName(put.url)} ${digestAsked(put)}`)
            .filter((blob) => held.has(blob));
        expect(again).toEqual([]);
        // There was something to keep: a registry that asks nobody for an account proves nothing about secrets.
        expect(this.proxy.passed.some(({ headers }) => headers.authorization !== undefined)).toBe(true);
        await this.isWhole(content);
        return sent.length;
    }

    /** Every image is there to the last byte, and the registry holds nothing else. */
    async isWhole(content: Content): Promise<void> {
        const { failures, proofs } = await this.verify(content);
        expect(failures).toEqual([]);
        expect(proofs).toHaveLength(Object.keys(content.set.images).length);
        this.holdsNothingWrong();
    }

    async stop(): Promise<void> {
        await this.proxy.stop();
        await this.registry.stop();
        for (const folder of [this.registry.folder, dirname(this.journals)])
            rmSync(folder, { recursive: true, force: true });
    }
}

function repositoryName(url: string): string {
    return /^\/v2\/(.+)\/blobs\//.exec(url)?.[1] ?? "";
}

/** Where a text gives the account away, in any form, or one of the tokens; empty if it does not. */
export function secretsIn(text: string, tokens: Iterable<string> = []): string[] {
    const told = [...tokens].filter((token) => text.includes(token)).map(() => "a token");
    return [...leaks([ACCOUNT], { "what was said": text }), ...told];
}
