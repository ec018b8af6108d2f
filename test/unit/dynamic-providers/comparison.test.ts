import type { ImageImportOutputs } from "../../../dynamic-providers/image-import/kind";
import { imageImportProvider } from "../../../dynamic-providers/image-import/provider";
import type { MirrorValidationOutputs } from "../../../dynamic-providers/mirror-validation/kind";
import { mirrorValidationProvider } from "../../../dynamic-providers/mirror-validation/provider";
import {
    type RegistryAccessOutputs,
    registryAccessProvider,
} from "../../../dynamic-providers/registry-access/provider";

const COMMON = {
    selfUrn: "urn",
    registry: { type: "distribution" as const, mirrorBase: "registry.example/mirror", retrySeconds: 60 },
    credentials: { username: "someone", password: "secret" },
    account: "importer" as const,
};
const IMAGES = { "quay.io/org/app:1": `sha256:${"a".repeat(64)}` };
const IMPORT: ImageImportOutputs = {
    ...COMMON,
    archive: ["a.tar"],
    lock: "a.lock.json",
    lockDigest: "sha256:1",
    images: IMAGES,
    sparse: [],
    concurrency: 6,
    incomplete: [],
};
const VALIDATION: MirrorValidationOutputs = {
    ...COMMON,
    images: IMAGES,
    registriesConf: "",
    sparse: [],
    wholeImages: 3,
    summary: {
        status: "proven",
        images: 1,
        manifests: 1,
        blobs: 1,
        bytesRead: 1,
        whole: [],
        digestOnly: [],
        checkedAt: "2026-01-01T00:00:00Z",
        failing: [],
    },
};
const ACCESS: RegistryAccessOutputs = { ...COMMON, notes: ["a gap"] };
const MOVED = { ...COMMON.registry, mirrorBase: "elsewhere.example/mirror" };

/** Whatever a comparison tried to change would throw: a preview must leave its inputs and the world as they are. */
function frozen<T>(value: T): T {
    if (typeof value === "object" && value !== null) Object.values(value).forEach(frozen);
    return Object.freeze(value);
}

test("what state holds is what is wanted: no change, in the same order of keys or another", () => {
    const turned = <T extends object>(value: T) => Object.fromEntries(Object.entries(value).reverse()) as T;
    expect(imageImportProvider.compare(frozen(IMPORT), frozen(turned(IMPORT)))).toEqual({ changes: false });
    expect(mirrorValidationProvider.compare(frozen(VALIDATION), frozen(turned(VALIDATION)))).toEqual({
        changes: false,
    });
    expect(registryAccessProvider.compare(frozen(ACCESS), frozen(turned(ACCESS)))).toEqual({ changes: false });
});

test.each([
    ["credentials", { credentials: { username: "someone", password: "another" } }],
    ["account", { account: "puller" as const }],
    ["retry time", { registry: { ...COMMON.registry, retrySeconds: 5 } }],
    ["CA", { registry: { ...COMMON.registry, ca: "PEM" } }],
])("another %s is a change of every kind, and replaces nothing", (_, change) => {
    expect(imageImportProvider.compare(IMPORT, { ...IMPORT, ...change })).toEqual({ changes: true });
    expect(mirrorValidationProvider.compare(VALIDATION, { ...VALIDATION, ...change })).toEqual({ changes: true });
    expect(registryAccessProvider.compare(ACCESS, { ...ACCESS, ...change })).toEqual({ changes: true });
});

test.each([
    ["archive", { archive: ["b.tar"] }],
    ["lock", { lock: "b.lock.json" }],
    ["content of the lock", { lockDigest: "sha256:2" }],
    ["word for removal", { onRemove: "delete" as const }],
    ["other set", { otherLocks: ["b.lock.json"] }],
    ["image", { images: { ...IMAGES, "quay.io/org/new:1": `sha256:${"b".repeat(64)}` } }],
    ["sparse child", { sparse: ["sha256:3"] }],
])("another %s is a change of an import", (_, change) => {
    expect(imageImportProvider.compare(IMPORT, { ...IMPORT, ...change })).toEqual({ changes: true });
});

test.each([
    ["image", { images: {} }],
    ["rule", { registriesConf: "another" }],
    ["sparse child", { sparse: ["sha256:3"] }],
    ["sample", { wholeImages: 4 }],
])("another %s is a change of a validation", (_, change) => {
    expect(mirrorValidationProvider.compare(VALIDATION, { ...VALIDATION, ...change })).toEqual({ changes: true });
});

test("an import that a refresh found broken, and a proof that failed, are to be made good", () => {
    expect(imageImportProvider.compare({ ...IMPORT, incomplete: ["quay.io/org/app:1"] }, IMPORT).changes).toBe(true);
    const failing = { ...VALIDATION, summary: { ...VALIDATION.summary, status: "failing" as const } };
    expect(mirrorValidationProvider.compare(failing, VALIDATION).changes).toBe(true);
});

test("another registry is another import", () => {
    expect(imageImportProvider.compare(IMPORT, { ...IMPORT, registry: MOVED })).toEqual({
        changes: true,
        replaces: ["registry"],
    });
});
