import type { RegistryDeploymentInputs } from "../../../dynamic-providers/registry-deployment/kind";
import { checkCertificate, requireFormerAddress } from "../../../dynamic-providers/registry-deployment/refusals";
import { registryDeploymentProvider } from "../../../dynamic-providers/registry-deployment/provider";
import { registryHostProvider } from "../../../dynamic-providers/registry-host/provider";
import { notedByHand, requireUnused } from "../../../dynamic-providers/registry-deployment/unused";
import { registryInstallationProvider } from "../../../dynamic-providers/registry-installation/provider";
import { StackSettings } from "../../../dynamic-providers/registry/stack-settings";
import { PassthroughError } from "../../../lib/errors/errors";
import { nextAccounts } from "../../../lib/openshift/deployed-registry";
import { type TestAuthority, testAuthority } from "../../support/certificates";
import { ManualClock } from "../../support/manual-clock";
import { operationContext } from "../../support/operation-context";

let former: TestAuthority;
let other: TestAuthority;
const chains: Record<"former" | "renewed" | "other", string> = { former: "", renewed: "", other: "" };

beforeAll(async () => {
    [former, other] = await Promise.all([testAuthority(), testAuthority()]);
    const leaf = async (authority: TestAuthority) => (await authority.issue()).certificate;
    [chains.former, chains.renewed, chains.other] = await Promise.all([leaf(former), leaf(former), leaf(other)]);
});

const shows = (chain: string, ca?: string) =>
    ({
        chain,
        registry: { mirrorBase: "registry.example/mirror", ...(ca === undefined ? {} : { ca }) },
    }) as RegistryDeploymentInputs;

/** "taken", or the code of the refusal. */
function outcomeOf(check: () => void): string {
    try {
        check();
        return "taken";
    } catch (error) {
        return error instanceof PassthroughError ? error.code : String(error);
    }
}

const outcome = (olds: Partial<RegistryDeploymentInputs>, news: RegistryDeploymentInputs, now = Date.now()) =>
    outcomeOf(() => checkCertificate(olds, news, operationContext([], { clock: new ManualClock(now) })));

test("a certificate of a CA that the last up did not trust is refused: clusters could not pull any more", () => {
    const olds = shows(chains.former, former.ca);
    expect(outcome(olds, shows(chains.other, other.ca))).toBe("CONFIG_INVALID");
    expect(outcome(olds, shows(chains.other, `${former.ca}${other.ca}`))).toBe("CONFIG_INVALID");
    expect(outcome(shows(chains.former), shows(chains.other, other.ca))).toBe("CONFIG_INVALID");
});

test("a new registry, a renewed certificate, one of a CA that is trusted by now, and one of a public CA are taken", () => {
    expect(outcome({}, shows(chains.other, other.ca))).toBe("taken");
    expect(outcome(shows(chains.former, former.ca), shows(chains.renewed, former.ca))).toBe("taken");
    expect(outcome(shows(chains.former, `${former.ca}${other.ca}`), shows(chains.other, other.ca))).toBe("taken");
    expect(outcome(shows(chains.former), shows(chains.other))).toBe("taken");
});

test("the preview of a rotation names the accounts that end", async () => {
    let accounts = await nextAccounts(undefined);
    const previewed = (state: object) => {
        const lines: string[] = [];
        const same = { ...shows(chains.former), allowedFrom: [] };
        const known = { ...same, accounts, installed: {}, differences: [], rotate: "1", ...state };
        const news = { ...same, rotate: "2" };
        for (const provider of [registryDeploymentProvider, registryHostProvider])
            provider.describeUpdate?.(known as never, news as never, operationContext(lines));
        return lines;
    };
    for (let i = 0; i < 2; i++) accounts = await nextAccounts(accounts);
    const kept = "importer-3, importer-2, puller-3, puller-2 stay valid; importer-1, puller-1 end: ";
    expect(previewed({})).toEqual(
        ["cluster", "host"].map(
            (place) =>
                expect.stringMatching(
                    new RegExp(`^site.registry.deploy.${place}.rotate: importer-4 and puller-4 are made, .*${kept}`),
                ) as string,
        ),
    );
    const incomplete = { differences: ["it was not completed"], installed: { isOutdated: true } };
    for (const line of previewed(incomplete)) expect(line).toMatch(/, puller-1 stay valid; none ends$/);
    expect(previewed({ rotate: "2" })).toEqual([]);
});

test("names that the next certificate lacks are said, in a preview of one that is known", async () => {
    const chain = async (...names: string[]) => (await former.issue({ names })).certificate;
    const [before, after] = await Promise.all([chain("Old.example", "new.example", "10.0.0.5"), chain("new.example")]);
    const said = (next: string) => {
        const lines: string[] = [];
        checkCertificate(shows(before, former.ca), shows(next, former.ca), operationContext(lines));
        return lines;
    };
    expect(said(after)).toEqual([
        expect.stringContaining("the certificate is not for old.example, 10.0.0.5 any more: "),
    ]);
    expect(said(before)).toEqual([]);
    expect(said("04da6b54-80e4-46f7-96ec-b56ff0331ba9")).toEqual([]);
});

test("where the certificate of before is not valid yet, or not any more, nobody pulls, and one of another CA is taken", () => {
    const year = 366 * 24 * 3600 * 1000;
    for (const now of [Date.now() - year, Date.now() + 100 * year])
        expect(outcome(shows(chains.former, former.ca), shows(chains.other, other.ca), now)).toBe("taken");
});

test.each<[string, object | undefined, string, (readonly object[])?]>([
    [
        "the same address, where nothing is deployed any more",
        { mirrorBase: "registry.example/mirror" },
        "CLUSTER_REMOVAL_REFUSED",
    ],
    ["the configuration of a destroy", { mirrorBase: "registry.example/mirror", deploy: { cluster: {} } }, "taken"],
    ["another registry", { mirrorBase: "other.example/mirror" }, "taken"],
    ["another path of it", { mirrorBase: "registry.example:443/other" }, "CLUSTER_REMOVAL_REFUSED"],
    [
        "another one that is deployed, and a cluster with rules by hand",
        { mirrorBase: "other.example/mirror", deploy: { cluster: {} } },
        "CLUSTER_REMOVAL_REFUSED",
        [{}],
    ],
    [
        "another registry, and a cluster whose nodes are not waited for",
        { mirrorBase: "other.example/mirror" },
        "CLUSTER_REMOVAL_REFUSED",
        [{ apply: {}, rollout: { wait: false } }],
    ],
    [
        "another registry, and a cluster with rules by hand",
        { mirrorBase: "other.example/mirror" },
        "CLUSTER_REMOVAL_REFUSED",
        [{}, { apply: {}, targets: ["containerd"] }, { cluster: undefined }],
    ],
    ["the same, which may lose them", { mirrorBase: "other.example/mirror" }, "taken", [{ allowRemoval: true }]],
    [
        "another registry, and clusters that cannot be read",
        { mirrorBase: "other.example/mirror" },
        "CLUSTER_REMOVAL_REFUSED",
        [{ apply: {}, targets: "containerd" }],
    ],
    ["no configuration", undefined, "taken"],
])("whether a registry may be taken away: %s", (_, registry, expected, clusters = [{ apply: {} }]) => {
    for (const cluster of clusters) {
        const document = JSON.stringify({ cluster, registry: { type: "distribution", ...registry } });
        const settings =
            registry === undefined
                ? StackSettings.UNKNOWN
                : StackSettings.read((key) => (key === "registry-passthrough:site" ? document : undefined));
        expect(outcomeOf(() => requireUnused(shows(chains.former), settings))).toBe(expected);
    }
});

test("the name of an installed registry is compared in the preview, also where its CAs are not known yet", () => {
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    const at = (mirrorBase: string, ca: string | undefined = undefined) => ({
        ...{ directory: "/opt/registry", installer: { version: "2.14.1" } },
        registry: { type: "harbor", retrySeconds: 0, mirrorBase, ...(ca === undefined ? {} : { ca }) },
    });
    const previewed = (news: object) =>
        outcomeOf(() =>
            registryInstallationProvider.describeUpdate?.(
                at("registry.example/mirror") as never,
                news as never,
                operationContext(),
            ),
        );
    expect(previewed(at("other.example/mirror", unknown))).toBe("CONFIG_INVALID");
    expect(previewed(at("registry.example/other", unknown))).toBe("taken");
    expect(previewed({ ...at(""), registry: unknown })).toBe("taken");
});

test("clusters with rules by hand count as those that the configuration had beside the registry, also if the same up takes both out", () => {
    const settings = (mirrorBase: string, clusters: object, deploy?: object) =>
        StackSettings.read((key) =>
            key === "registry-passthrough:site"
                ? JSON.stringify({ clusters, registry: { type: "distribution", mirrorBase, deploy } })
                : undefined,
        );
    const registry = { mirrorBase: "registry.example/mirror" };
    const [east, west] = [{ apply: {} }, {}];
    const noted = notedByHand({ registry }, settings("registry.example/mirror", { east, west }, { host: {} }));
    expect(noted).toEqual({ clustersByHand: ["site.clusters.west"] });
    // Neither by its own removal nor by that of the registry that takes its place.
    for (const deploy of [undefined, { cluster: {} }]) {
        const next = settings("other.example/mirror", { east }, deploy);
        const known = { registry, ...noted };
        expect(notedByHand(known, next)).toEqual(noted);
        expect(outcomeOf(() => requireUnused(known, next))).toBe("CLUSTER_REMOVAL_REFUSED");
        expect(outcomeOf(() => requireUnused({ registry }, next))).toBe("taken");
    }
    const left = settings("other.example/mirror", { east, west: { allowRemoval: true } });
    expect(outcomeOf(() => requireUnused({ registry, ...noted }, left))).toBe("taken");
    // A cluster that left while the registry stayed has none of it any more.
    const alone = settings("registry.example/mirror", { east }, { host: {} });
    expect(notedByHand({ registry, ...noted }, alone)).toEqual({ clustersByHand: [] });
});

test("another address is taken only if the former one still leads to the registry, until clusters have the new rules", async () => {
    const { certificate: both } = await former.issue({ names: ["old.example", "new.example", "10.0.0.5"] });
    const at = (mirrorBase: string, chain = both) => ({ chain, registry: { mirrorBase } }) as RegistryDeploymentInputs;
    const moved = (from: string, to: RegistryDeploymentInputs, isByName = false) =>
        outcomeOf(() => requireFormerAddress(at(from), to, isByName));
    expect(moved("old.example:8443/mirror", at("OLD.example:8443/other"))).toBe("taken");
    expect(moved("old.example/mirror", at("old.example:443/mirror"), true)).toBe("taken");
    expect(moved("old.example:8443/mirror", at("new.example:8443/mirror"))).toBe("taken");
    expect(moved("10.0.0.5:8443/mirror", at("new.example:8443/mirror"))).toBe("taken");
    expect(moved("old.example:8443/mirror", at("new.example:8444/mirror"))).toBe("CONFIG_INVALID");
    expect(moved("old.example:8443/mirror", at("old.example/mirror"))).toBe("CONFIG_INVALID");
    expect(moved("elder.example:8443/mirror", at("new.example:8443/mirror"))).toBe("CONFIG_INVALID");
    expect(moved("old.example/mirror", at("new.example/mirror"), true)).toBe("CONFIG_INVALID");
    // In a preview, certificate and CAs may not be known yet, or nothing of the registry.
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    const later = at("new.example:8444/mirror", unknown);
    const registry = { ...later.registry, ca: unknown };
    expect(moved("old.example:8443/mirror", { ...later, registry })).toBe("CONFIG_INVALID");
    expect(moved("old.example:8444/mirror", { ...later, registry })).toBe("taken");
    expect(moved("old.example:8443/mirror", { ...later, registry: unknown as never })).toBe("taken");
});
