import * as pulumi from "@pulumi/pulumi";
import { PassthroughSite } from "../../../components";

const PROVIDER = "pulumi:providers:kubernetes";

const ACCESS = "pulumi-nodejs:dynamic/registry-passthrough:ClusterAccess";

/** The inputs of a resource of the cluster that a site of this name writes to. */
async function clusterInputs(wanted: string, { stack = "lab", site = "site", isPreview = false }): Promise<unknown> {
    const inputs: unknown[] = [];
    const mocks: pulumi.runtime.Mocks = {
        newResource: ({ type, name, inputs: declared }) => {
            if (type === wanted) inputs.push(declared);
            return { id: `${name}-id`, state: declared as Record<string, unknown> };
        },
        call: ({ token }) => {
            throw new Error(`not mocked: ${token}`);
        },
    };
    await pulumi.runtime.setMocks(mocks, "registry-passthrough", stack, isPreview);
    new PassthroughSite(site, {
        registry: { type: "distribution", mirrorBase: "registry.example:8443/mirror" },
        content: [],
        clusters: [{ name: "west", contactSource: "allow", apply: {}, adopt: false, allowRemoval: false }],
        kubeconfigs: { west: "apiVersion: v1" },
        importer: { username: "pusher", password: "password" },
    });
    await pulumi.runtime.disconnect();
    expect(inputs).toHaveLength(1);
    return inputs[0];
}

const providerInputs = (stack: string) => clusterInputs(PROVIDER, { stack });

test("each site of another program owns its objects", async () => {
    expect(await clusterInputs(ACCESS, {})).toMatchObject({ owner: "registry-passthrough/lab/west" });
    expect(await clusterInputs(ACCESS, { site: "one" })).toMatchObject({ owner: "registry-passthrough/lab:one/west" });
});

test("another name of the stack does not make another cluster: the provider would replace every object", async () => {
    expect(await providerInputs("site-a")).toMatchObject({ clusterIdentifier: "cluster-west" });
    expect(await providerInputs("renamed")).toEqual(await providerInputs("site-a"));
});
