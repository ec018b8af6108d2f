import * as pulumi from "@pulumi/pulumi";
import { PassthroughSite } from "../../../components";

const PROVIDER = "pulumi:providers:kubernetes";

/** The inputs of the Kubernetes provider of a cluster that is written to. */
async function providerInputs(stack: string): Promise<unknown> {
    const inputs: unknown[] = [];
    const mocks: pulumi.runtime.Mocks = {
        newResource: ({ type, name, inputs: declared }) => {
            if (type === PROVIDER) inputs.push(declared);
            return { id: `${name}-id`, state: declared as Record<string, unknown> };
        },
        call: ({ token }) => {
            throw new Error(`not mocked: ${token}`);
        },
    };
    await pulumi.runtime.setMocks(mocks, "registry-passthrough", stack, false);
    new PassthroughSite("site", {
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

test("another name of the stack does not make another cluster: the provider would replace every object", async () => {
    expect(await providerInputs("site-a")).toMatchObject({ clusterIdentifier: "cluster-west" });
    expect(await providerInputs("renamed")).toEqual(await providerInputs("site-a"));
});
