import { executePlan, findSuperseded, imageTask, planImport, supersededDigest } from "../../../lib/import";
import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { countedRegistry } from "../../support/counted-registry";
import { MemoryImageSet } from "../../support/image-set";

const counted = countedRegistry({ seconds: 0, firstDelay: 1, longestDelay: 1 });

const base = () => parseMirrorBase(`${counted.proxy.host}/mirror`);

async function bring(content: MemoryImageSet): Promise<void> {
    const plan = await planImport(counted.client, { images: content.images, set: content.set, base: base() });
    expect((await executePlan(counted.client, content, plan)).failed).toEqual([]);
}

test("repositories are listed page by page, and a list that is refused is an error", async () => {
    const content = new MemoryImageSet();
    for (const name of ["a", "b", "c"]) content.image(`quay.io/org/${name}:1`);
    await bring(content);
    const path = (page: string) => `/v2/_catalog?${page}`;
    // The registry links pages of the size that it was asked for.
    counted.proxy.detour = (request) => (request.path === path("n=1000") ? { path: path("n=1") } : undefined);
    expect(await counted.client.repositoryList()).toEqual(["a", "b", "c"].map((name) => `mirror/quay.io/org/${name}`));
    const body = JSON.stringify({ errors: [{ code: "DENIED", message: "admins only" }] });
    counted.proxy.detour = () => ({ status: 403, headers: { "content-type": "application/json" }, body });
    await expect(counted.client.repositoryList()).rejects.toMatchObject({ status: 403 });
});

test("what is about a kept image stays through every step; a repository that fails is named, and the others are read", async () => {
    const content = new MemoryImageSet();
    const wanted = content.image("quay.io/org/app:1");
    const signature = content.image(`quay.io/org/app:sha256-${wanted.slice(7)}.sig`);
    // A signature on the signature, by its subject.
    const subject = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: signature, size: 1 };
    content.image("quay.io/org/app:note", content.manifest(undefined, { subject }));
    const former = content.image("quay.io/org/app:0");
    content.image("quay.io/org/broken:1");
    await bring(content);
    const stay = [imageTask(base(), "quay.io/org/app:1", wanted)];
    const repositories = ["mirror/quay.io/org/broken", "mirror/quay.io/org/app"];
    const needed = (isNeeded = () => false) => ({ stay, isNeeded, isOwn: () => false });
    const whole = await findSuperseded(counted.client, repositories, needed());
    expect(whole.tags.map(({ tag, digest }) => [tag, digest])).toEqual([
        ["0", former],
        ["1", content.images["quay.io/org/broken:1"]],
    ]);
    expect(
        await findSuperseded(
            counted.client,
            repositories,
            needed(() => true),
        ),
    ).toMatchObject({ bytes: 0, unread: [] });

    counted.proxy.detour = ({ path }) =>
        path.includes("broken/tags") ? { status: 500, headers: {}, body: "" } : undefined;
    const partial = await findSuperseded(counted.client, repositories, needed());
    expect(partial.tags.map(({ tag }) => tag)).toEqual(["0"]);
    expect(partial.unread.map(({ source }) => source)).toEqual(["mirror/quay.io/org/broken"]);
    expect(supersededDigest(partial)).not.toBe(supersededDigest(whole));
});
