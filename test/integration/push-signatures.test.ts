import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageImportProvider as provider } from "../../dynamic-providers/image-import/provider";
import { describeArchive, openArchive } from "../../lib/archives";
import { formatImages, toImageMap } from "../../lib/import";
import { lockDigest, writeLock } from "../../lib/lock";
import { formatSignatureRules } from "../../lib/signatures";
import { operationContext } from "../support/operation-context";
import { SignedLayout } from "../support/signed-layout";
import { SIGNED_ACCOUNT, SignedRegistry } from "../support/signed-registry";
import { TEAM, signImage, teamPolicy } from "../support/signed-validation";
import { signingKey } from "../support/signing-key";

jest.setTimeout(120_000);

const KEY = signingKey();
const [APP, TOOL] = [`${TEAM}/app`, `${TEAM}/tool`];
const REFUSED = "nodes of 4.20 and later will refuse";
let registry: SignedRegistry;
let folder: string;
let lines: string[];

beforeEach(async () => {
    registry = await SignedRegistry.start();
    folder = mkdtempSync(join(tmpdir(), "push signatures "));
    lines = [];
});
afterEach(async () => {
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
});

/** A set with its archive and its lock. */
async function writeSet(name: string, fill: (layout: SignedLayout) => void) {
    const files = { archive: [join(folder, name)], lock: join(folder, `${name}.lock.json`) };
    fill(new SignedLayout(join(folder, name)));
    return lockSet(files);
}

async function lockSet(files: { archive: string[]; lock: string }) {
    const archive = await openArchive(files.archive);
    const { lock } = await describeArchive(archive, []);
    await archive.close();
    await writeLock(files.lock, lock);
    return { ...files, lockDigest: lockDigest(lock), images: formatImages(lock.images) };
}

/** A signed image, one that is not, and one that no policy covers. */
const mixed = () =>
    writeSet("mixed", (layout) => {
        const signed = layout.image("signed");
        layout.add(`${APP}:1`, signed);
        layout.sign(APP, signed.digest, KEY);
        layout.add(`${TOOL}:1`, layout.image("unsigned"));
        layout.add("docker.io/library/other:1", layout.image("other"));
    });

type WrittenSet = Awaited<ReturnType<typeof writeSet>>;

function inputs(set: WrittenSet, refusing: readonly string[] = [], others: readonly WrittenSet[] = []) {
    const { host } = registry.registry;
    return {
        ...set,
        selfUrn: "urn:x",
        registry: { type: "distribution" as const, mirrorBase: `${host}/mirror`, ca: registry.ca, retrySeconds: 1 },
        credentials: SIGNED_ACCOUNT,
        account: "importer" as const,
        sparse: [],
        concurrency: 2,
        signatures: {
            rules: formatSignatureRules({ policies: [teamPolicy(KEY)], local: [] }),
            refusing,
            others: others.map(({ archive, lock }) => ({ archive, lock })),
        },
    };
}

const create = (news: ReturnType<typeof inputs>) => provider.create(news, operationContext(lines));
const said = () => lines.filter((line) => line.includes(REFUSED));
const isThere = async (name: string) => (await registry.client.manifestHead(`mirror/${name}`, "1")) !== undefined;

test("images that nodes will refuse are named before the first byte, and pushed all the same", async () => {
    await create(inputs(await mixed()));
    expect(said()).toHaveLength(1);
    expect(said()[0]).toContain(`${REFUSED} 1 of 2 images`);
    expect(said()[0]).toContain(`${TOOL}:1: policy team1 on ${TEAM}: it is not signed`);
    expect(said()[0]).not.toContain(`${APP}:1`);
    expect(await isThere(TOOL)).toBe(true);
});

test("with beforePush: refuse nothing of the set is pushed, and the error says which, by what and why", async () => {
    const set = await mixed();
    await expect(create(inputs(set, ["team1"]))).rejects.toMatchObject({
        code: "IMAGES_UNSIGNED",
        problem: expect.stringContaining("no image of the set was pushed: nodes would refuse 1 image") as string,
        problems: [{ name: `${TOOL}:1`, problem: { problem: `policy team1 on ${TEAM}: it is not signed` } }],
        fix: expect.stringContaining("beforePush: warn") as string,
    });
    expect(registry.registry.accesses().filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
});

test("of an archive that is compressed, no image is put before its signatures were judged", async () => {
    await mixed();
    const path = join(folder, "mixed.tar.gz");
    execFileSync("tar", ["-czf", path, "-C", join(folder, "mixed"), "."]);
    const set = await lockSet({ archive: [path], lock: join(folder, "packed.lock.json") });
    const puts = () => registry.registry.accesses().filter(({ method }) => method === "PUT");
    const isManifest = ({ path: at }: { readonly path: string }) => at.includes("/manifests/");
    await expect(create(inputs(set, ["team1"]))).rejects.toMatchObject({
        code: "IMAGES_UNSIGNED",
        problems: [{ name: `${TOOL}:1` }],
    });
    expect(puts().length).toBeGreaterThan(0);
    expect(puts().filter(isManifest)).toEqual([]);
    await create(inputs(set));
    expect(said()[0]).toContain(`${REFUSED} 1 of 2 images`);
    expect(await isThere(TOOL)).toBe(true);
});

test("signatures count that come with another set of the site, or that the mirror has already", async () => {
    const [app, tool] = await Promise.all([
        writeSet("app", (layout) => layout.add(`${APP}:1`, layout.image("app"))),
        writeSet("tool", (layout) => layout.add(`${TOOL}:1`, layout.image("tool"))),
    ]);
    const digest = (set: WrittenSet) => Object.values(toImageMap(set.images)).at(-1) ?? "";
    const later = await writeSet("later", (layout) => layout.sign(APP, digest(app) as `sha256:${string}`, KEY));
    await signImage(registry, KEY, TOOL, digest(tool) as `sha256:${string}`);
    await create(inputs(app, ["team1"], [later]));
    await create(inputs(tool, ["team1"], [later]));
    expect(said()).toEqual([]);
    // Where that archive is not here and the mirror has no signature either, it is not known: not pushed.
    const other = await writeSet("other", (layout) => layout.add(`${APP}:2`, layout.image("other")));
    const apart = await writeSet("apart", (layout) => layout.sign(APP, digest(other) as `sha256:${string}`, KEY));
    rmSync(join(folder, "apart"), { recursive: true });
    await expect(create(inputs(other, ["team1"], [apart]))).rejects.toMatchObject({
        problems: [
            { problem: { problem: expect.stringMatching(/apart\.lock\.json, whose archive was not read/) as string } },
        ],
    });
});

test("a preview says it from lock and archive, without a request, and that the update will fail", async () => {
    const set = inputs(await mixed(), ["team1"]);
    const before = registry.registry.accesses().length;
    await provider.describeChanges?.({}, set, operationContext(lines));
    expect(said()[0]).toContain(
        `${REFUSED} 1 of 2 images that are to be pushed, unless the mirror has their signatures`,
    );
    expect(said()[0]).toContain("beforePush: refuse of team1: the update will fail then");
    expect(registry.registry.accesses()).toHaveLength(before);
    rmSync(join(folder, "mixed"), { recursive: true });
    await provider.describeChanges?.({}, set, operationContext(lines));
    expect(lines.at(-1)).toContain("signatures are looked at by the update, before the push");
    expect(said()).toHaveLength(1);
});
