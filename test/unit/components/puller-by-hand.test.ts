import * as pulumi from "@pulumi/pulumi";
import { PassthroughSite } from "../../../components";
import type { SiteCluster } from "../../../lib/site";

const RETIREMENT = "pulumi-nodejs:dynamic/registry-passthrough:RobotRetirement";

/** Whether somebody gives the puller to what pulls, as the site of one cluster declares it. */
async function isByHand(changes: Partial<SiteCluster>): Promise<unknown> {
    const found: Record<string, unknown>[] = [];
    const mocks: pulumi.runtime.Mocks = {
        newResource: ({ type, name, inputs }) => {
            const declared = inputs as Record<string, unknown>;
            if (type === RETIREMENT) found.push(declared);
            const robot = {
                robot: { username: name, createdAt: "", id: "1" },
                login: { username: name, password: "password" },
            };
            return { id: `${name}-id`, state: { ...declared, ...robot } };
        },
        call: ({ token }) => {
            throw new Error(`not mocked: ${token}`);
        },
    };
    await pulumi.runtime.setMocks(mocks, "registry-passthrough", "lab", false);
    new PassthroughSite("site", {
        registry: { type: "harbor", mirrorBase: "registry.example:8443/mirror" },
        content: [],
        clusters: [{ name: "", contactSource: "allow", adopt: false, allowRemoval: false, ...changes }],
        kubeconfigs: { "": "apiVersion: v1" },
        admin: { username: "admin", password: "password" },
    });
    await pulumi.runtime.disconnect();
    expect(found).toHaveLength(1);
    return found[0]?.byHand;
}

test("a cluster that is written to gets the account from the program, and hosts of its targets by hand", async () => {
    expect(await isByHand({})).toBe(true);
    expect(await isByHand({ apply: {} })).toBeUndefined();
    expect(await isByHand({ apply: {}, targets: ["podman"] })).toBe(true);
});
