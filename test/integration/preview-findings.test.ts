import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageImportOutputs } from "../../dynamic-providers/image-import/kind";
import { imageImportProvider } from "../../dynamic-providers/image-import/provider";
import type { MirrorValidationOutputs } from "../../dynamic-providers/mirror-validation/kind";
import { mirrorValidationProvider } from "../../dynamic-providers/mirror-validation/provider";
import { PreviewFindings } from "../../dynamic-providers/registry/preview-findings";
import type { RegistryContext, RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import { StackSettings } from "../../dynamic-providers/registry/stack-settings";
import { describeArchive, openArchive } from "../../lib/archives";
import { toImageMap } from "../../lib/import";
import { lockDigest, writeLock } from "../../lib/lock";
import { operationContext } from "../support/operation-context";
import { Contents } from "../support/registry-contents";
import { SignedLayout } from "../support/signed-layout";
import { SIGNED_ACCOUNT, SignedRegistry } from "../support/signed-registry";
import { TEAM, pullInputs, signatureInput, teamPolicy } from "../support/signed-validation";
import { signingKey } from "../support/signing-key";

jest.setTimeout(120_000);

const NAMES = ["app", "tool"].map((name) => `${TEAM}/${name}`);
const [GONE = ""] = NAMES;
const KEY = "k".repeat(43);
let registry: SignedRegistry;
let folder: string;
let images: ImageImportOutputs;
let validation: MirrorValidationOutputs;

beforeAll(async () => {
    registry = await SignedRegistry.start();
});
afterAll(() => registry.stop());

/** What state is after the first `up`. */
beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "preview findings "));
    const layout = new SignedLayout(join(folder, "set"));
    for (const name of NAMES) layout.add(`${name}:1`, layout.image(name));
    const [archive, file] = [[join(folder, "set")], join(folder, "set.lock.json")];
    const opened = await openArchive(archive);
    const { lock } = await describeArchive(opened, []);
    await opened.close();
    await writeLock(file, lock);
    const pulled = { ...pullInputs(registry, lock.images), selfUrn: "urn:validation", sparse: [] };
    const { registry: connection } = pulled;
    const own = { selfUrn: "urn:set", registry: connection, credentials: SIGNED_ACCOUNT, account: "importer" as const };
    const set = { archive, lock: file, lockDigest: lockDigest(lock), images: lock.images, sparse: [], concurrency: 2 };
    images = (await imageImportProvider.create({ ...own, ...set }, operationContext())).outs;
    const proven = await mirrorValidationProvider.create({ ...pulled, wholeImages: 0 }, operationContext());
    validation = proven.outs;
    registry.registry.forget();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The two processes of one `npm run up`, one after the other. */
function command() {
    const place = join(folder, "findings");
    mkdirSync(place);
    const next = (lines: string[] = []) =>
        operationContext(lines, { findings: new PreviewFindings(`${KEY}:${place}`, () => [1, 1]) });
    return { preview: next(), update: next() };
}

/** A refresh of both resources. */
async function refresh(context: RegistryContext, state = { images, validation }) {
    const found = {
        images: (await imageImportProvider.read(state.images, context)).outs,
        validation: (await mirrorValidationProvider.read(state.validation, context)).outs,
    };
    const requests = registry.registry.accesses().length;
    registry.registry.forget();
    return { found, requests };
}

function deleteImage(): void {
    const digest = toImageMap(images.images)[`${GONE}:1`] ?? "";
    const contents = new Contents(registry.registry);
    contents.removeTag(`mirror/${GONE}`, "1");
    contents.removeManifest(`mirror/${GONE}`, digest);
}

test("what the preview has found as state says, the update does not ask for, and state stays as it is", async () => {
    const { preview, update } = command();
    const first = await refresh(preview);
    expect(first.requests).toBeGreaterThanOrEqual(4 * NAMES.length);
    expect(await refresh(update)).toEqual({ found: { images, validation }, requests: 0 });
    expect(first.found).toEqual({ images, validation });
});

test("the next command asks again", async () => {
    await refresh(command().preview);
    rmSync(join(folder, "findings"), { recursive: true });
    expect((await refresh(command().update)).requests).toBeGreaterThanOrEqual(4 * NAMES.length);
});

test("after an operation that may write, the update asks again: an image that was deleted meanwhile is found", async () => {
    const { preview, update } = command();
    await refresh(preview);
    deleteImage();
    await update.process.write(() => Promise.resolve());
    expect((await refresh(update)).found).toMatchObject({
        images: { incomplete: [`${GONE}:1`] },
        validation: { summary: { status: "failing", failing: [`${GONE}:1`] } },
    });
});

test("an image that is deleted between preview and update is imported again by an update that proves the images", async () => {
    const { preview, update } = command();
    await refresh(preview);
    deleteImage();
    await imageImportProvider.describeChanges?.(images, images, update);
    await refresh(update);
    const changed = { ...validation, wholeImages: 1 };
    const proven = await update.process.write(() => mirrorValidationProvider.update(validation, changed, update));
    expect(proven.summary).toMatchObject({ status: "proven", images: NAMES.length });
    expect(await registry.client.manifestHead(`mirror/${GONE}`, "1")).toBeDefined();
});

test("what the preview has found broken, the update looks for itself", async () => {
    deleteImage();
    const { preview, update } = command();
    const expected = {
        images: { incomplete: [`${GONE}:1`] },
        validation: { summary: { status: "failing", failing: [`${GONE}:1`] } },
    };
    for (const context of [preview, update]) {
        const { found, requests } = await refresh(context);
        expect(found).toMatchObject(expected);
        expect(requests).toBeGreaterThanOrEqual(4);
    }
});

test("what nodes refuse is said by the preview and by the update", async () => {
    const [before, after]: [string[], string[]] = [[], []];
    const signatures = signatureInput(teamPolicy(signingKey()));
    const { outs } = await mirrorValidationProvider.create({ ...validation, signatures }, operationContext(before));
    const place = join(folder, "refused");
    mkdirSync(place);
    for (let run = 0; run < 2; run++) {
        const findings = new PreviewFindings(`${KEY}:${place}`, () => [1, 1]);
        await mirrorValidationProvider.read(outs, operationContext(after, { findings }));
    }
    expect(before).toHaveLength(1);
    expect(after).toEqual([...before, ...before]);
});

const OTHER_LOGIN = { ...SIGNED_ACCOUNT, password: "another" };

test.each<[string, (process: RegistryProcess, mirrorBase: string) => void]>([
    ["a new secret of the account", ({ renewedLogins }, at) => renewedLogins.set(at, OTHER_LOGIN)],
    ["another account of the puller", ({ pullers }, at) => void pullers.set(at, OTHER_LOGIN)],
    [
        "a registry that lists its tags now",
        ({ listings }, at) => void listings.set(at, () => Promise.resolve(new Map())),
    ],
    ["another way to the registry", (process, at) => useSettings(process, at)],
])("with %s the update asks for itself", async (_, change) => {
    const { preview, update } = command();
    await refresh(preview);
    change(update.process, images.registry.mirrorBase);
    // It asks, whatever it is answered.
    await imageImportProvider.read(images, update).catch(() => undefined);
    expect(registry.registry.accesses().length).toBeGreaterThan(0);
});

/** Those of a site that waits longer for its registry. */
function useSettings(process: RegistryProcess, mirrorBase: string): void {
    const site = { registry: { type: "distribution", mirrorBase, ca: registry.ca }, transfer: { retrySeconds: 2 } };
    const settings = StackSettings.read((key) => (key.endsWith(":site") ? JSON.stringify(site) : undefined));
    expect(settings.registry(images).retrySeconds).toBe(2);
    jest.spyOn(process, "settings", "get").mockReturnValue(settings);
}

test("another state is looked at", async () => {
    const { preview, update } = command();
    await refresh(preview);
    const other = { images: { ...images, lockDigest: "another" }, validation: { ...validation, wholeImages: 2 } };
    expect((await refresh(update, other)).requests).toBeGreaterThanOrEqual(4 * NAMES.length);
});
