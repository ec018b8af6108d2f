import { imageImportProvider } from "../../../dynamic-providers/image-import/provider";
import { mirrorValidationProvider } from "../../../dynamic-providers/mirror-validation/provider";
import { registryNamespaceProvider } from "../../../dynamic-providers/registry-namespace/provider";
import { repositorySetProvider } from "../../../dynamic-providers/repository-set/provider";
import { UNKNOWN_VALUE } from "../../../dynamic-providers/lifecycle/unknown-value";
import { formatImages } from "../../../lib/import/image-list";
import { operationContext } from "../../support/operation-context";

const REGISTRY = { type: "quay" as const, mirrorBase: "old.invalid/mirror", retrySeconds: 0 };
const ELSEWHERE = { ...REGISTRY, mirrorBase: "new.invalid/mirror" };
const OLDS = {
    selfUrn: "urn:resource",
    registry: REGISTRY,
    credentials: { username: "admin", password: "canary-admin" },
    namespace: "mirror",
    onRemove: "delete" as const,
};
/** What each resource of a stack that removes images has in its state. */
const REMOVALS = {
    images: {
        provider: imageImportProvider,
        state: { images: formatImages({ "quay.io/org/app:1": `sha256:${"a".repeat(64)}` }), incomplete: [] },
    },
    project: { provider: registryNamespaceProvider, state: { namespaceId: "mirror", adopted: false } },
    repositories: { provider: repositorySetProvider, state: { made: ["quay.io/org/app"] } },
};

test.each(Object.entries(REMOVALS))(
    "another program that moves to another name of the registry keeps the %s that clusters still pull",
    async (_, { provider, state }) => {
        const context = operationContext();
        const remove = () => provider.remove({ ...OLDS, ...state } as never, context);
        // Nobody can be asked there: that it is tried is an error.
        await expect(remove()).rejects.toMatchObject({
            code: expect.stringMatching(/^(NETWORK|REMOVAL_FAILED)$/) as string,
        });
        context.process.noteInputs({ ...OLDS, registry: ELSEWHERE });
        await remove();
    },
);

test("a resource has moved where what takes its place has another registry, and not before that is known", () => {
    const { process } = operationContext();
    const moved = () => [process.hasMoved(OLDS), process.removalRule(OLDS)];
    expect(moved()).toEqual([false, "delete"]);
    process.noteInputs({ ...OLDS, registry: { ...REGISTRY, mirrorBase: UNKNOWN_VALUE } });
    process.noteInputs({ ...OLDS, selfUrn: "urn:other", registry: ELSEWHERE });
    process.noteInputs({ selfUrn: "urn:resource" });
    process.noteInputs({ ...OLDS, registry: { ...REGISTRY, mirrorBase: "OLD.invalid/mirror" } });
    expect(moved()).toEqual([false, "delete"]);
    process.noteInputs({ ...OLDS, registry: ELSEWHERE });
    expect(moved()).toEqual([true, "keep"]);
});

test("what is in a broken registry counts as not looked at: the update that mends it looks, and proves", async () => {
    const context = operationContext();
    const images = { ...OLDS, ...REMOVALS.images.state } as never;
    const validation = { ...OLDS, images: "", summary: { status: "proven", failing: [] } } as never;
    context.process.brokenRegistries.add(REGISTRY.mirrorBase);
    const [set, proof] = [
        (await imageImportProvider.read(images, context)).outs,
        (await mirrorValidationProvider.read(validation, context)).outs,
    ];
    expect(set).toMatchObject({ unseen: true });
    expect(imageImportProvider.compare(set, images).changes).toBe(true);
    expect(proof).toMatchObject({ summary: { status: "failing" } });
    expect(mirrorValidationProvider.compare(proof, validation).changes).toBe(true);
    // One that the site leaves is not mended, and not looked at.
    context.process.noteInputs({ ...OLDS, registry: ELSEWHERE });
    expect((await imageImportProvider.read(images, context)).outs).toBe(images);
    expect((await mirrorValidationProvider.read(validation, context)).outs).toBe(validation);
});
