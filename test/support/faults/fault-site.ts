import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
    type ImportPlan,
    type ImportResult,
    type Verification,
    executePlan,
    imageTask,
    planImport,
    verifyImages,
} from "../../../lib/import";
import { messageOf } from "../../../lib/oci/errors";
import { type MirrorBase, parseMirrorBase } from "../../../lib/oci/mirror-reference";
import { RegistryClient, type RegistryClientOptions } from "../../../lib/oci/registry-client";
import type { BlobSource, ImageSet } from "../../../lib/oci/content";
import type { Digest } from "../../../lib/oci/digest";
import { type TestAuthority, testAuthority } from "../certificates";
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
    /** Everything it would say to people. */
    readonly said: string;
}

/** Thousands of rounds write and wipe: in memory where there is a file system for it (Linux). */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
/** Quick to try again: what is under test is whether it does, not how long it waits. */
export const QUICK = { seconds: 30, firstDelay: 1, longestDelay: 20 } as const;
export const ACCOUNT = { username: "pusher", password: "canary-fault-7d1e/+ä" } as const;

/** A real registry behind the fault proxy, and the importer in this process, as the provider runs it. */
export class FaultSite {
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
    }

    /** The registry loses a blob or a manifest behind its own back. */
    loseBlob(digest: Digest): void {
        rmSync(dirname(this.storage.blobFile(digest)), { recursive: true });
    }

    /** Plans and carries out. */
    async bring(
        content: Content,
        options: Partial<RegistryClientOptions> & { suspects?: readonly string[] } = {},
    ): Promise<Outcome> {
        const { suspects = [], ...ofClient } = options;
        const client = this.client(ofClient);
        let plan: ImportPlan | undefined;
        try {
            const request = { images: content.set.images, set: content.set, base: this.base };
            plan = await planImport(client, { ...request, suspects: new Set(suspects) });
            const result = await executePlan(client, content, plan);
            return { plan, result, error: undefined, said: JSON.stringify(result) };
        } catch (error) {
            return { plan, result: undefined, error, said: messageOf(error) };
        } finally {
            await client.close();
        }
    }

    /** Reads every image back, byte for byte. */
    async verify(content: Content, options: Partial<RegistryClientOptions> = {}): Promise<Verification> {
        const client = this.client(options);
        try {
            const checks = Object.entries(content.set.images).map(([source, digest]) => ({
                ...imageTask(this.base, source, digest),
                whole: true,
            }));
            return await verifyImages(client, checks);
        } finally {
            await client.close();
        }
    }

    /** What must hold after every run, whatever came of it: nothing wrong is stored, and no secret was said. */
    holdsNothingWrong(...outcomes: readonly Outcome[]): void {
        expect(this.storage.wrong()).toEqual([]);
        for (const { said } of outcomes) expect(secretsIn(said)).toEqual([]);
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
            .map((put) => `${repositoryOf(put.url)} ${digestAsked(put)}`)
            .filter((blob) => held.has(blob));
        expect(again).toEqual([]);
        await this.isWhole(content, outcome);
        return sent.length;
    }

    /** Every image is there to the last byte, and the registry holds nothing else. */
    async isWhole(content: Content, ...outcomes: readonly Outcome[]): Promise<void> {
        const { failures, proofs } = await this.verify(content);
        expect(failures).toEqual([]);
        expect(proofs).toHaveLength(Object.keys(content.set.images).length);
        this.holdsNothingWrong(...outcomes);
    }

    async stop(): Promise<void> {
        await this.proxy.stop();
        await this.registry.stop();
        rmSync(this.registry.folder, { recursive: true, force: true });
    }
}

function repositoryOf(url: string): string {
    return /^\/v2\/(.+)\/blobs\//.exec(url)?.[1] ?? "";
}

/** Every form in which the account would be given away by a text. */
export function secretsIn(text: string): string[] {
    const { username, password } = ACCOUNT;
    const forms = [password, encodeURIComponent(password), Buffer.from(`${username}:${password}`).toString("base64")];
    return forms.filter((form) => text.includes(form) || text.includes(JSON.stringify(form).slice(1, -1)));
}
