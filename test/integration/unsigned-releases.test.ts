import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { digestHex } from "../../lib/oci/digest";
import { type UnsignedRelease, runnableDigests } from "../../lib/openshift";
import { findUnsignedReleases } from "../../lib/passthrough";
import { ScriptedServer } from "../support/http-server";
import { SignedRegistry } from "../support/signed-registry";

jest.setTimeout(60_000);

const NAME = "quay.io/openshift-release-dev/ocp-release";
let registry: SignedRegistry;

beforeAll(async () => {
    registry = await SignedRegistry.start();
});
afterAll(() => registry.stop());

test("a signature that no image set brought counts where nodes find it: at each manifest that they run", async () => {
    const repository = `mirror/${NAME}`;
    const base = { host: registry.registry.host, prefix: "mirror" };
    const children = await Promise.all(
        ["amd64", "arm64"].map(async (architecture) => {
            return { digest: await registry.image(repository, architecture, architecture), architecture };
        }),
    );
    const digest = await registry.index(repository, children, "4.21.3-multi");
    const release: UnsignedRelease = { image: `${NAME}:4.21.3-multi`, digest, version: "4.21.3" };
    const manifests = children.map((child) => child.digest);
    const runnable = runnableDigests([{ manifests: { [digest]: { mediaType: "index", size: 1, manifests } } }]);
    const find = () => findUnsignedReleases(registry.client, base, [release], runnable);
    expect(await find()).toEqual([release]);
    for (const signed of [digest, ...manifests]) {
        expect(await find()).toEqual([release]);
        await registry.signatures(repository, `sha256-${digestHex(signed)}.sig`, []);
    }
    expect(await find()).toEqual([]);
});

test("a registry that fails to answer fails the plan: that is no statement about signatures", async () => {
    const server = await ScriptedServer.start(() => ({ status: 500, body: "" }));
    const retry = { seconds: 0, firstDelay: 1, longestDelay: 1 };
    const client = new RegistryClient({ endpoint: { host: server.host, plainHttp: true }, retry });
    const release: UnsignedRelease = {
        image: `${NAME}:4.21.3-x86_64`,
        digest: `sha256:${"0".repeat(64)}`,
        version: "4.21.3",
    };
    const base = { host: server.host, prefix: "mirror" };
    await expect(findUnsignedReleases(client, base, [release], (digest) => [digest])).rejects.toMatchObject({
        status: 500,
    });
    await client.close();
    await server.stop();
});
