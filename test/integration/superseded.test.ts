import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { executePlan, planImport } from "../../lib/import";
import { parseLock } from "../../lib/lock";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { probeImage } from "../../lib/openshift/probe/probe-image";
import { pushBlobs } from "../../lib/passthrough/push-blobs";
import { testAuthority } from "../support/certificates";
import { CommandSite } from "../support/command-site";
import { ScriptedServer } from "../support/http-server";
import { MemoryImageSet } from "../support/image-set";
import { pauseImage } from "../support/node/pause-image";
import { ACCOUNT } from "../support/site";

jest.setTimeout(120_000);

let site: CommandSite;
let client: RegistryClient;

beforeEach(async () => {
    site = await CommandSite.create("with-mapping");
    const endpoint = { host: site.registry.host, ca: readFileSync(join(site.folder, "ca.crt"), "utf8") };
    client = new RegistryClient({ endpoint, credentials: ACCOUNT });
    expect(await site.run("import")).toMatchObject({ code: 0 });
});
afterEach(async () => {
    for (const form of site.secretForms()) expect(site.said).not.toContain(form);
    await client.close();
    await site.remove();
});

interface Listing {
    readonly digest: string;
    readonly bytes: number;
    readonly tags: readonly { readonly repository: string; readonly tag: string; readonly manifestStays: boolean }[];
    readonly unread: readonly { readonly source: string }[];
    readonly removed?: readonly string[];
}

async function superseded(...args: string[]): Promise<Listing> {
    const { code, out, error } = await site.run("superseded", "--json", ...args);
    expect({ code, error }).toEqual({ code: 0, error: "" });
    return JSON.parse(out) as Listing;
}

const names = ({ tags }: Listing) => tags.map(({ repository, tag }) => `${repository}:${tag}`);

/** Pushes past the program. @param path the mirror base, or another one */
async function push(content: MemoryImageSet, path = "mirror"): Promise<void> {
    const base = parseMirrorBase(`${site.registry.host}/${path}`);
    const plan = await planImport(client, { images: content.images, set: content.set, base });
    expect((await executePlan(client, content, plan)).failed).toEqual([]);
}

/** An image of the set that has a tag. */
function ofSet(): { source: string; repository: string; digest: string } {
    const { images } = parseLock(readFileSync(join(site.folder, "set1.lock.json"), "utf8"), "set1");
    const [name = "", digest = ""] = Object.entries(images).find(([one]) => !one.includes("@")) ?? [];
    const source = name.slice(0, name.lastIndexOf(":"));
    return { source, repository: `mirror/${source}`, digest };
}

/** What sets had once: a tag with its signature beside one of the set, and a repository of its own with an index. */
async function pushFormer(): Promise<{ bytes: number; names: string[] }> {
    const { source, repository } = ofSet();
    const former = new MemoryImageSet();
    const old = former.image(`${source}:former`);
    const signature = `sha256-${old.slice("sha256:".length)}.sig`;
    former.image(`${source}:${signature}`);
    former.image("quay.io/former/app:1", former.index([former.manifest(), former.manifest()]));
    await push(former);
    const bytes = [...former.bytes.values()].reduce((sum, { length }) => sum + length, 0);
    return { bytes, names: [`${repository}:former`, `${repository}:${signature}`, "mirror/quay.io/former/app:1"] };
}

test("what no set names is listed with its bytes, and deleted only as it was listed; what belongs to sets stays", async () => {
    expect(await superseded()).toMatchObject({ tags: [], unread: [], bytes: 0 });
    const { source, repository, digest } = ofSet();
    const kept = new MemoryImageSet();
    const signature = `sha256-${digest.slice("sha256:".length)}.sig`;
    kept.image(`${source}:${signature}`);
    await push(kept);
    const importer = pauseImage("importer");
    await pushBlobs(client, importer.blobs, "mirror/registry-passthrough/importer");
    await client.manifestPut("mirror/registry-passthrough/importer", "1", importer.manifest);
    const manifest = await client.manifestGet(repository, digest);
    if (manifest === undefined) throw new Error("the image of the set is not there");
    await client.manifestPut(repository, "alias", manifest);
    const elsewhere = new MemoryImageSet();
    elsewhere.image("quay.io/theirs/app:1");
    await push(elsewhere, "other");
    // Below this base: of another site, of this program, of nobody's mirror.
    await push(elsewhere, "mirror/site-b");
    const own = new MemoryImageSet();
    own.image("quay.io/registry-passthrough/selftest:1");
    own.image("quay.io/org/passthrough-probe/only-in-mirror:1");
    await push(own);
    const probe = probeImage("20261130", "digest");
    await pushBlobs(client, probe.blobs, repository);
    for (const one of probe.manifests) await client.manifestPut(repository, one.digest, one);
    await client.manifestPut(repository, "probe-1", probe.index);
    const former = await pushFormer();

    site.registry.forget();
    const listed = await superseded();
    expect(names(listed).sort()).toEqual([`${repository}:alias`, ...former.names].sort());
    expect(listed.tags.filter(({ manifestStays }) => manifestStays).map(({ tag }) => tag)).toEqual(["alias"]);
    expect(listed).toMatchObject({ bytes: former.bytes, unread: [] });
    const text = await site.run("superseded");
    expect(text.out).toMatch(/^4 tags in \d+ repositories that no set names; at most \S+ kB can become free$/m);
    expect(text.error).toContain(`superseded --delete ${listed.digest} --stack dev`);
    const other = await site.run("superseded", "--delete", `sha256:${"0".repeat(64)}`);
    expect(other).toMatchObject({ code: 1, error: expect.stringContaining("nothing was deleted") as string });
    expect(site.registry.writes()).toEqual([]);

    const { removed } = await superseded("--delete", listed.digest);
    expect(removed?.map((name) => name.replace(`${site.registry.host}/`, "")).sort()).toEqual([...former.names].sort());
    expect(await superseded()).toMatchObject({ tags: [], unread: [] });
    expect(await site.run("verify", "--bytes")).toMatchObject({ code: 0 });
    expect(await client.tagList(repository)).toEqual(expect.arrayContaining([signature]));
    expect(await client.tagList("other/quay.io/theirs/app")).toEqual(["1"]);
    expect(await client.tagList("mirror/registry-passthrough/importer")).toEqual(["1"]);
});

test("nothing is deleted while something that sets want is not in the registry, or a lock changes: it may build on what goes", async () => {
    await pushFormer();
    const { digest } = await superseded();
    const image = ofSet();
    await client.manifestDelete(image.repository, image.digest);
    site.registry.forget();
    const listed = await superseded();
    expect(listed).toMatchObject({ digest, absent: [`${image.repository}@${image.digest}`] });
    const { code, error } = await site.run("superseded", "--delete", digest);
    expect(code).not.toBe(0);
    expect(error).toMatch(/ is not in the registry, and sets want it; nothing was deleted/);
    expect((await site.run("superseded")).error).toContain("1 image of the sets is not in the registry");
    expect(site.registry.writes()).toEqual([]);
});

test("without a lock that can be read, or without sets, nothing is listed or deleted", async () => {
    await pushFormer();
    const { digest } = await superseded();
    site.registry.forget();
    writeFileSync(join(site.folder, "set1.lock.json"), "{}");
    const unreadable = await site.run("superseded", "--delete", digest);
    expect(unreadable.code).not.toBe(0);
    expect(unreadable.error).toContain("set1.lock.json");
    site.configure({}, {}, { content: [] });
    expect(await site.run("superseded", "--delete", digest)).toMatchObject({
        error: expect.stringContaining("site.content: it lists no set") as string,
    });
    expect(site.registry.accesses().filter(({ method }) => method !== "HEAD")).toEqual([]);
});

test("an account that is rejected everywhere is not told to be one that may not see the list", async () => {
    const authority = await testAuthority();
    const headers = { "www-authenticate": 'Basic realm="registry"' };
    // As a registry whose GET /v2/ is open to everybody.
    const answer = ({ url }: { url: string }) => ({ status: url === "/v2/" ? 200 : 401, headers });
    const server = await ScriptedServer.start(answer, await authority.issue());
    const other = await CommandSite.createWith({ authority }, "with-mapping");
    try {
        other.configure({ mirrorBase: `${server.host}/mirror` });
        const { code, out } = await other.run("superseded", "--json");
        expect(code).not.toBe(0);
        expect(out).toContain("list of repositories");
        expect(out).not.toContain("may see the list");
    } finally {
        await other.remove();
        await server.stop();
    }
});
