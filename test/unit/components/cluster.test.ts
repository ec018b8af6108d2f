import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { PassthroughSite } from "../../../components";
import type { SiteCluster } from "../../../lib/site";
import { PROJECT } from "../../support/stack";

const PROVIDER = "pulumi:providers:kubernetes";

const ACCESS = "pulumi-nodejs:dynamic/registry-passthrough:ClusterAccess";
const TRUST = "pulumi-nodejs:dynamic/registry-passthrough:ClusterTrust";
const ROLLOUT = "pulumi-nodejs:dynamic/registry-passthrough:ClusterRollout";

const PROOF = "pulumi-nodejs:dynamic/registry-passthrough:ClusterProof";

interface Declared {
    readonly name: string;
    readonly inputs: unknown;
}

interface Names {
    readonly stack?: string;
    readonly site?: string;
    readonly cluster?: string;
    readonly rollout?: SiteCluster["rollout"];
    readonly proof?: SiteCluster["proof"];
}

/** A resource of the cluster that a site of this name writes to. */
async function clusterResource(
    wanted: string,
    { stack = "lab", site = "site", cluster = "west", rollout, proof }: Names = {},
): Promise<Declared | undefined> {
    const found: Declared[] = [];
    const mocks: pulumi.runtime.Mocks = {
        newResource: ({ type, name, inputs: declared }) => {
            if (type === wanted) found.push({ name, inputs: declared });
            return { id: `${name}-id`, state: declared as Record<string, unknown> };
        },
        call: ({ token }) => {
            throw new Error(`not mocked: ${token}`);
        },
    };
    await pulumi.runtime.setMocks(mocks, "registry-passthrough", stack, false);
    new PassthroughSite(site, {
        registry: { type: "distribution", mirrorBase: "registry.example:8443/mirror" },
        content: [],
        clusters: [
            {
                ...{ name: cluster, contactSource: "allow", apply: {}, adopt: false, allowRemoval: false },
                ...(rollout && { rollout }),
                ...(proof && { proof }),
            },
        ],
        kubeconfigs: { [cluster]: "apiVersion: v1" },
        importer: { username: "pusher", password: "password" },
        puller: { username: "reader", password: "password" },
    });
    await pulumi.runtime.disconnect();
    expect(found).toHaveLength(1);
    return found[0];
}

const providerInputs = async (stack: string) => (await clusterResource(PROVIDER, { stack }))?.inputs;

test.each(["west", ""])("cluster %j is left out of an up by the name that the guide has", async (cluster) => {
    const guide = readFileSync(join(PROJECT, "docs/how-to/cluster.md"), "utf8");
    const { name } = (await clusterResource(ACCESS, { cluster })) ?? {};
    expect(guide).toContain(`'**::${name}'`);
});

test("each site of another program owns its objects", async () => {
    const owned = async (site: string) => (await clusterResource(ACCESS, { site }))?.inputs;
    expect(await owned("site")).toMatchObject({ owner: "registry-passthrough/lab/west" });
    expect(await owned("one")).toMatchObject({ owner: "registry-passthrough/lab:one/west" });
});

test("another name of the stack does not make another cluster: the provider would replace every object", async () => {
    expect(await providerInputs("site-a")).toMatchObject({ clusterIdentifier: "cluster-west" });
    expect(await providerInputs("renamed")).toEqual(await providerInputs("site-a"));
});

test("nodes are waited for, unless the cluster says otherwise; a limit counts for both waits", async () => {
    const waits = async (rollout?: SiteCluster["rollout"]) =>
        (await clusterResource(ROLLOUT, rollout && { rollout }))?.inputs;
    expect(await waits()).toMatchObject({ wait: true, rules: "[]", written: [], forbidLater: [] });
    expect(await waits()).not.toHaveProperty("minutes");
    expect(await waits({ wait: false, minutes: 90 })).toMatchObject({ wait: false, minutes: 90 });
    expect((await clusterResource(TRUST, { rollout: { wait: false, minutes: 90 } }))?.inputs).toMatchObject({
        minutes: 90,
    });
});

test("the proof pushes with the importer's account, and depends on that of the nodes", async () => {
    const { inputs } = (await clusterResource(PROOF, { proof: { namespace: "registry-checks" } })) ?? {};
    // Wrapped: secrets.
    expect(inputs).toMatchObject({
        ...{ account: "importer", namespace: "registry-checks", owner: "registry-passthrough/lab/west" },
        credentials: { value: { username: "pusher" } },
        puller: { value: { username: "reader" } },
    });
});
