import { imageImportProvider } from "../../dynamic-providers/image-import/provider";
import { roomLines } from "../../dynamic-providers/image-import/room";
import { registryNamespaceProvider } from "../../dynamic-providers/registry-namespace/provider";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { formatImages } from "../../lib/import";
import { refusesSparseIndexes } from "../../lib/passthrough/sparse-indexes";
import { quay } from "../../lib/registries/quay/quay";
import { ADMIN, ManagedHarbor } from "../support/harbor/managed-harbor";
import { MemoryImageSet } from "../support/image-set";
import { operationContext } from "../support/operation-context";
import { OWNER, quayAccount, managing } from "../support/quay/account";
import { FakeQuay } from "../support/quay/fake-quay";

/* What a registry would refuse in the middle of an import, found out before it begins. */

test("a quota is known to the images that come after the project in the same run, as it was read last", async () => {
    const { fake, authority } = await ManagedHarbor.start();
    fake.harbor.defaultQuota = 1000;
    const context = operationContext();
    const mirrorBase = `${fake.host}/mirror`;
    const registry = { type: "harbor" as const, mirrorBase, ca: authority.ca, retrySeconds: 0 };
    const common = { selfUrn: "urn:x", registry, credentials: ADMIN, account: "admin" } as const;
    const namespace = { ...common, namespace: "mirror", adopt: false, onRemove: "keep" } as const;
    const left = () => roomLines(700, namespace, context.process).join();

    const { outs } = await registryNamespaceProvider.create(namespace, context);
    expect(left()).toBe("");
    const [project] = fake.harbor.projects;
    if (project === undefined) throw new Error("no project");
    project.used = 400;
    await registryNamespaceProvider.read(outs, context);
    expect(left()).toContain(`the quota of ${mirrorBase} leaves 600 B (400 B of 1.00 kB used)`);
    project.quota = -1;
    await registryNamespaceProvider.read(outs, context);
    expect(left()).toBe("");
    await fake.stop();
});

describe("sparse indexes", () => {
    let fake: FakeQuay;
    let client: RegistryClient;

    beforeEach(async () => {
        fake = await FakeQuay.start("quay");
        fake.model.addUser(OWNER.username, OWNER.password);
        client = new RegistryClient({ endpoint: { host: fake.host, plainHttp: true }, credentials: OWNER });
    });

    afterEach(async () => {
        await client.close();
        await fake.stop();
    });

    const sparse = () => {
        const content = new MemoryImageSet();
        content.index([content.manifest()], [new MemoryImageSet().manifest()]);
        return content.set;
    };

    test.each([
        ["a Quay that says nothing of them", undefined, true],
        ["a Quay that says it takes none", false, true],
        ["a Quay that says it takes them", true, false],
    ])("%s", async (_, sparseIndex, isRefused) => {
        fake.setting = { ...fake.setting, ...(sparseIndex === undefined ? {} : { sparseIndex }) };
        expect(await refusesSparseIndexes(client, "quay", sparse())).toBe(isRefused);
    });

    test("are refused by Harbor, may be taken by distribution, and are asked about only where a set has some", async () => {
        expect(await refusesSparseIndexes(client, "harbor", sparse())).toBe(true);
        expect(await refusesSparseIndexes(client, "distribution", sparse())).toBe(false);
        const content = new MemoryImageSet();
        content.index([content.manifest()]);
        expect(await refusesSparseIndexes(client, "quay", content.set)).toBe(false);
        expect(fake.accesses).toEqual([]);
    });
});

describe("tags that move", () => {
    test("are named in the preview of a set at a project with immutable tags, and at no other", async () => {
        const on = await ManagedHarbor.start();
        const lines: string[] = [];
        const context = operationContext(lines);
        const registry = {
            type: "harbor" as const,
            mirrorBase: `${on.fake.host}/mirror`,
            ca: on.authority.ca,
            retrySeconds: 0,
        };
        const common = { selfUrn: "urn:x", registry, credentials: ADMIN };
        const namespace = { ...common, account: "admin", namespace: "mirror", adopt: false, onRemove: "keep" } as const;
        const { outs } = await registryNamespaceProvider.create(namespace, context);
        const content = new MemoryImageSet();
        const [before, after] = [content.manifest(), content.manifest()];
        const images = (digest: string) => formatImages({ "quay.io/org/app:1": digest, "quay.io/org/app:2": before });
        const set = { ...common, account: "importer", archive: ["x"], lock: "x.lock", lockDigest: before } as const;
        const inputs = (digest: string) => ({ ...set, images: images(digest), sparse: [], concurrency: 1 });
        const preview = () => imageImportProvider.describeChanges?.(inputs(before), inputs(after), context);
        await preview();
        expect(lines.join("\n")).not.toContain("immutable");
        on.fake.harbor.projects[0]?.immutable.push({});
        await registryNamespaceProvider.read(outs, context);
        lines.length = 0;
        await preview();
        const warning = lines.find((line) =>
            line.startsWith("1 tag would move, and the registry has rules for immutable"),
        );
        expect(warning).toMatch(/\n +quay\.io\/org\/app:1$/);
        await on.fake.stop();
    });

    test("are known for an organization of Quay by its policies", async () => {
        const fake = await FakeQuay.start("quay");
        fake.model.addUser(OWNER.username, OWNER.password);
        const organization = fake.model.addOrganization("mirror", OWNER.username);
        const read = () =>
            managing(quay, quayAccount(fake, OWNER), ({ namespaces }) => namespaces.read({ name: "mirror" }));
        organization.immutabilityPolicies.push({ tagPattern: "^v.*" });
        expect(await read()).toMatchObject({ hasImmutableTags: false });
        fake.setting = { ...fake.setting, immutableTags: true };
        expect(await read()).toMatchObject({ hasImmutableTags: true });
        expect((await read())?.warnings.join()).toContain("the organization mirror has immutable tags");
        await fake.stop();
    });
});
