import * as pulumi from "@pulumi/pulumi";
import { PassthroughSite, type PassthroughSiteArgs } from "../../../components";
import type { SiteCluster } from "../../../lib/site";

const CLUSTER: SiteCluster = { name: "", contactSource: "allow", adopt: false, allowRemoval: false };
type Inputs = Readonly<Record<string, unknown>>;

/** Inputs of the resources of one kind, as a site with a Harbor declares them. */
async function declared(kind: string, args: Partial<PassthroughSiteArgs>): Promise<Inputs[]> {
    const found: Inputs[] = [];
    const mocks: pulumi.runtime.Mocks = {
        newResource: ({ type, name, inputs }) => {
            const given = inputs as Inputs;
            if (type === `pulumi-nodejs:dynamic/registry-passthrough:${kind}`) found.push(given);
            const robot = {
                robot: { username: name, createdAt: "", id: "1" },
                login: { username: name, password: "password" },
            };
            return { id: `${name}-id`, state: { ...given, ...robot } };
        },
        call: ({ token }) => {
            throw new Error(`not mocked: ${token}`);
        },
    };
    await pulumi.runtime.setMocks(mocks, "registry-passthrough", "lab", false);
    new PassthroughSite("site", {
        registry: { type: "harbor", mirrorBase: "registry.example:8443/mirror" },
        content: [],
        clusters: [CLUSTER],
        kubeconfigs: { "": "apiVersion: v1" },
        admin: { username: "admin", password: "password" },
        ...args,
    });
    await pulumi.runtime.disconnect();
    return found;
}

/** Whether somebody gives the puller to what pulls, as the site of one cluster declares it. */
async function isByHand(changes: Partial<SiteCluster>): Promise<unknown> {
    const found = await declared("RobotRetirement", { clusters: [{ ...CLUSTER, ...changes }] });
    expect(found).toHaveLength(1);
    return found[0]?.byHand;
}

test("a cluster that is written to gets the account from the program, and hosts of its targets by hand", async () => {
    expect(await isByHand({})).toBe(true);
    expect(await isByHand({ apply: {} })).toBeUndefined();
    expect(await isByHand({ apply: {}, targets: ["podman"] })).toBe(true);
});

test("with a rotation in place the accounts know of it, and the puller which clusters take its secret by hand", async () => {
    const accounts = async (args: Partial<PassthroughSiteArgs>) => {
        const found = await declared("RobotAccount", args);
        return found.map(({ role, rotation, byHand }) => [role, rotation, byHand]);
    };
    const rotation = "in-place" as const;
    const robots = { importer: { maxAge: 30 }, puller: { maxAge: 90, overlap: 7 } };
    const none = [
        ["importer", undefined, undefined],
        ["puller", undefined, undefined],
    ];
    expect([await accounts({}), await accounts({ robots })]).toEqual([none, none]);
    expect(await accounts({ robots: { ...robots, importer: { maxAge: 30, rotation } } })).toEqual([
        ["importer", "in-place", undefined],
        ["puller", undefined, undefined],
    ]);
    const clusters = ["east", "west"].map((name) => ({ ...CLUSTER, name }));
    const renewed = { ...robots, puller: { ...robots.puller, rotation } };
    expect((await accounts({ robots: renewed, clusters }))[1]).toEqual(["puller", "in-place", ["east", "west"]]);
    const targets = async (args: Partial<PassthroughSiteArgs>) =>
        (await declared("RobotAccount", args)).map((account) => account.targets);
    const host = [{ ...CLUSTER, apply: {}, targets: ["podman" as const] }];
    expect(await targets({ robots: renewed, clusters: host })).toEqual([undefined, ["podman"]]);
    expect(await targets({ robots: renewed })).toEqual([undefined, undefined]);
    expect(await targets({ robots, clusters: host })).toEqual([undefined, undefined]);
});
