import { type Asked, type Fault, isBlobPut, isMountPost, registryError } from "../support/faults/fault";
import { faultCase } from "../support/faults/fault-case";
import { FaultSite, type Content } from "../support/faults/fault-site";
import { seededSet } from "../support/faults/seeded-set";
import { problemText } from "../support/problems";

let site: FaultSite;

beforeAll(async () => {
    site = await FaultSite.start();
});
afterAll(() => site.stop());

/** Says that an object is there which the registry does not have, as a stale cache in front of it would. */
function staleHead(digest: string, size: number): Fault {
    const headers = { "content-length": String(size), "docker-content-digest": digest };
    return { kind: "answer", status: 200, headers };
}

/** The object is gone, and HEAD still answers for it; everything else is the registry's own. */
function lieAbout(
    content: Content,
    repository: string,
    object: "manifest" | "blob",
): (asked: Asked) => Fault | undefined {
    return ({ method, url }) => {
        const [, kind = "", reference = ""] = /\/v2\/(?:.+)\/(manifests|blobs)\/([^/?]+)$/.exec(url) ?? [];
        if (method !== "HEAD" || !url.includes(repository) || !kind.startsWith(object)) return undefined;
        const image = Object.entries(content.set.images).find(([source]) => source.includes(repository.slice(1)));
        const digest = reference.startsWith("sha256:") ? reference : (image?.[1] ?? "");
        return staleHead(digest, content.size(digest) ?? 0);
    };
}

faultCase("HEAD says a manifest is there, GET says 404", { all: 50, sample: 2 }, async ({ random, count }) => {
    site.clear();
    const content = seededSet(random);
    const name = `app${random.between(0, 1)}`;
    site.proxy.script = lieAbout(content, `/${name}/`, "manifest");
    expect((await site.bring(content)).error).toBeUndefined();
    site.holdsNothingWrong();
    // The run believed it; verification reads, and so it does not.
    const { failures } = await site.verify(content);
    expect(failures.map(({ source }) => source.includes(name))).toEqual([true]);
    expect(problemText(failures[0])).toMatch(/^MANIFEST_UNKNOWN at .*: it is missing$/);
    count("lies found");
    // What was found is brought, even while HEAD still lies.
    const healed = await site.bring(content, { suspects: failures.map(({ source }) => source) });
    expect(healed.result?.failed).toEqual([]);
    site.holdsNothingWrong();
    expect(await site.converges(content)).toBe(0);
});

faultCase("HEAD says a blob is there, GET says 404", { all: 50, sample: 2 }, async ({ random, count }) => {
    site.clear();
    const content = seededSet(random, { shared: 0 });
    expect((await site.bring(content)).result?.failed).toEqual([]);
    const [blob = "", size = 0] = random.pick(Object.entries(content.set.blobs));
    site.loseBlob(blob);
    site.proxy.script = ({ method, url }) =>
        method === "HEAD" && url.endsWith(`/blobs/${blob}`) ? staleHead(blob, size) : undefined;
    const { failures } = await site.verify(content);
    expect(failures).toHaveLength(1);
    expect(problemText(failures[0])).toContain(`@${blob}: it exists by HEAD, but cannot be read by GET`);
    count("lies found");
    site.proxy.clear();
    const suspects = failures.map(({ source }) => source);
    expect(await site.converges(content, { suspects })).toBe(1);
});

faultCase("a mount is ignored: 202 in place of 201", { all: 50, sample: 2 }, async ({ random, count }) => {
    site.clear();
    const content = seededSet(random, { images: 3, shared: 2 });
    // distribution itself answers so when it cannot mount: the upload that it begins is a real one.
    site.proxy.script = (asked) =>
        isMountPost(asked) ? { kind: "ask", url: asked.url.replace(/\?.*$/, "") } : undefined;
    const outcome = await site.bring(content);
    expect(outcome.result?.failed).toEqual([]);
    expect(outcome.result?.sent.mounts).toBe(0);
    const planned = outcome.plan?.mounts ?? 0;
    expect(planned).toBeGreaterThan(0);
    expect(site.proxy.passed.filter(isBlobPut)).toHaveLength((outcome.plan?.uploads ?? 0) + planned);
    count("mounts ignored", planned);
    site.holdsNothingWrong();
    expect(await site.converges(content)).toBe(0);
});

/** How registries refuse a mount from where the account may not read, or which they do not know. */
const MOUNT_REFUSALS = [
    // Harbor: the whole POST, for a project that the account may not pull from
    registryError(401, "UNAUTHORIZED", "unauthorized to access repository: mirror, action: pull"),
    registryError(403, "DENIED", "requested access to the resource is denied"),
    registryError(404, "NAME_UNKNOWN", "repository name not known to registry"),
    registryError(400, "BLOB_UPLOAD_INVALID", "blob upload invalid"),
    registryError(405, "UNSUPPORTED", "The operation is unsupported."),
] as const;

faultCase("a mount is refused with 4xx", { all: 50, sample: 5 }, async ({ number, random, count }) => {
    site.clear();
    const content = seededSet(random, { images: 3, shared: 2 });
    const refusal = MOUNT_REFUSALS[number % MOUNT_REFUSALS.length] ?? MOUNT_REFUSALS[0];
    site.proxy.script = (asked) => (isMountPost(asked) ? refusal : undefined);
    const outcome = await site.bring(content);
    expect(outcome.error).toBeUndefined();
    expect(outcome.result?.failed).toEqual([]);
    const planned = outcome.plan?.mounts ?? 0;
    const refused = site.proxy.passed.filter(isMountPost);
    expect(planned).toBeGreaterThan(0);
    expect(refused.length).toBeGreaterThanOrEqual(planned);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([refusal.status]));
    expect(outcome.result?.refusedMounts).toHaveLength(planned);
    expect(outcome.result?.sent.mounts).toBe(0);
    expect(site.proxy.passed.filter(isBlobPut)).toHaveLength((outcome.plan?.uploads ?? 0) + planned);
    count("mounts refused", refused.length);
    site.holdsNothingWrong();
    expect(await site.converges(content)).toBe(0);
});
