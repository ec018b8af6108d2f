import { join } from "node:path";
import { canaryImage } from "../../lib/passthrough/canary";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { type Asked, isManifestPut, isMountPost, isUploadPost, isWrite } from "../support/faults/fault";
import { FaultProxy } from "../support/faults/fault-proxy";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

let site: TestSite;
let proxy: FaultProxy;

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    proxy = await FaultProxy.start(site.registry.port, await site.authority.issue(), site.authority.ca);
});

afterAll(async () => {
    await proxy.stop();
    await site.remove();
});

beforeEach(() => proxy.clear());
afterEach(() => expect(site.stack.printed).not.toContain(ACCOUNT.password));

/** From now on the stack's images land in another place of the registry, where there is nothing yet. */
function moveTo(prefix: string): string {
    const mirrorBase = `${proxy.host}/${prefix}`;
    site.stack.configure(site.document({ registry: { mirrorBase } }));
    return mirrorBase;
}

/** Something that a test opens. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    return { opened, open };
}

/** An image of somebody else's under a tag of ours. @returns its digest */
async function putForeign(repository: string, tag: string): Promise<string> {
    const endpoint = { host: site.registry.host, ca: site.authority.ca };
    const client = new RegistryClient({ endpoint, credentials: ACCOUNT, requests: 4 });
    try {
        const { blobs, manifest } = canaryImage(`of somebody else, ${tag}`);
        for (const [digest, bytes] of blobs) {
            const begun = await client.uploads.start(repository, digest);
            if (begun.mounted) continue;
            await client.uploads.put(repository, digest, begun.location, bytes.length, async function* () {
                yield bytes;
            });
        }
        await client.manifestPut(repository, tag, manifest);
        return manifest.digest;
    } finally {
        await client.close();
    }
}

const PLAN =
    /plan: 6 images: 0 present, 6 to push, 0 tag only, 0 blocked; 8\d\.\d kB \((\d+) bytes\) to send: (\d+) blobs to upload, (\d+) to mount/;

test("up tells its plan before it writes anything, then every ten seconds how far it is, and sends just the bytes it told", async () => {
    moveTo("mirror");
    const [plan, progress] = [gate(), gate()];
    const isTool = ({ url }: Asked) => url.includes("/multi/tool/");
    proxy.way = async (asked) => {
        if (isUploadPost(asked)) await plan.opened;
        if (isManifestPut(asked) && isTool(asked)) await progress.opened;
    };
    const up = site.stack.startUp();
    await up.says(PLAN);
    expect(site.registry.writes().filter(({ status }) => status !== 401)).toEqual([]);
    plan.open();
    // No terminal, and nobody who told of one: `pulumi up` as a pipeline runs it.
    await up.says(/8\d\.\d kB of 8\d\.\d kB, .*5 of 6 images/);
    progress.open();
    const { code, text } = await up.done;
    expect(code).toBe(0);
    const [, bytes, uploads, mounts] = PLAN.exec(text) ?? [];
    // One small blob finds out whether the registry takes its bytes with the POST: it leaves them, and gets them again.
    const left = proxy.passed.filter((asked) => asked.method === "POST" && asked.bytes > 0);
    expect(left).toHaveLength(1);
    expect(proxy.payload() - (left[0]?.bytes ?? 0)).toBe(Number(bytes));
    expect(text).toContain(`sent in ${uploads ?? ""} blobs, ${mounts ?? ""} blobs mounted`);
    const begun = proxy.passed.filter((asked) => isUploadPost(asked) && asked.reached);
    // The check before the first import begins one more, and gives it up.
    expect(begun.filter(({ status }) => status === 202)).toHaveLength(Number(uploads) + 1);
    expect(begun.filter((asked) => isMountPost(asked) && asked.status === 201)).toHaveLength(Number(mounts));
});

const REFUSED =
    /the registry did not mount (\d+) blobs?, so \S+ kB were sent where \S+ kB had been planned\s+sha256:[0-9a-f]{64} from (\S+) to (\S+)/;

test("up tells which tags of others it moves, and which mounts the registry refused", async () => {
    const foreign = await putForeign("elsewhere/quay.io/team0/app0", "v1");
    moveTo("elsewhere");
    // distribution itself answers so when it cannot mount: the upload that it begins is a real one.
    proxy.script = (asked) => (isMountPost(asked) ? { kind: "ask", url: asked.url.replace(/\?.*$/, "") } : undefined);
    const { code, text } = await site.stack.startUp().done;
    expect(code).toBe(0);
    expect(text).toMatch(
        new RegExp(`warning:\\s+1 tag of others moves\\s+elsewhere/quay.io/team0/app0:v1 ${foreign} -> sha256:7430`),
    );
    const mounts = Number(PLAN.exec(text)?.[3]);
    expect(mounts).toBeGreaterThan(0);
    expect(REFUSED.exec(text)?.slice(1)).toEqual([
        String(mounts),
        expect.stringMatching(/^elsewhere\//),
        expect.stringMatching(/^elsewhere\//),
    ]);
    expect(proxy.payload()).toBeGreaterThan(Number(PLAN.exec(text)?.[1]));
});

test("so does the command line's import", async () => {
    const foreign = await putForeign("again/quay.io/team0/app0", "v1");
    moveTo("again");
    proxy.script = (asked) => (isMountPost(asked) ? { kind: "ask", url: asked.url.replace(/\?.*$/, "") } : undefined);
    const run = await site.stack.passthrough("import");
    expect(run).toMatchObject({ code: 0 });
    expect(run.error).toMatch(
        new RegExp(`warning: set1: 1 tag of others moves\\s+again/quay.io/team0/app0:v1 ${foreign} -> sha256:7430`),
    );
    expect(REFUSED.exec(run.error)?.[2]).toMatch(/^again\//);
    expect(proxy.passed.filter(isWrite).length).toBeGreaterThan(0);
});

test("an image that is blocked is listed in the plan, by name and why", async () => {
    const earlier = await TestSite.create(join(FIXTURES, "incremental/2"));
    try {
        const { code, text } = await earlier.stack.startUp().done;
        expect(code).toBe(1);
        expect(text).toMatch(/plan: \d+ images?: .* [1-9]\d* blocked; .*\n\s+! \S+/);
        expect(text).toMatch(/! .*is not at the registry and not in this archive; import the earlier archive first/);
    } finally {
        await earlier.remove();
    }
});
