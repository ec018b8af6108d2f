import { readFileSync } from "node:fs";
import { join } from "node:path";
import { importNamespaces, pushSignatures, readSite } from "../../../lib/site";
import type { SignaturePolicy } from "../../../lib/signatures";
import { PROJECT } from "../../support/stack";

const LOCK = readFileSync(join(PROJECT, "test/fixtures/locks/with-mapping.lock.json"), "utf8");

/** A site whose only set is on a volume. */
function read(changes: { at?: object; archive?: string; registry?: object; more?: object } = {}) {
    const at = { cluster: { namespace: "transfer", claim: "archives", ...changes.at } };
    const site = {
        registry: { type: "distribution", mirrorBase: "registry.example:8443/mirror", ...changes.registry },
        content: [{ archive: changes.archive ?? "/haul.tar", lock: "content/haul.lock.json", at }],
        cluster: { version: "4.18.20", apply: {} },
        ...changes.more,
    };
    return readSite(site, undefined, { read: () => LOCK, now: new Date(), stack: "site-a" });
}

const messages = (changes: Parameters<typeof read>[0]) =>
    read(changes).issues.map(({ key, problem, fix }) => `${key}: ${problem}; ${fix}`);

test("an archive on a volume of the site's cluster, imported by one pod unless it says otherwise", () => {
    const { site, issues } = read();
    expect(issues).toEqual([]);
    const [set] = site?.content ?? [];
    expect(set).toMatchObject({ archive: ["/haul.tar"], at: { cluster: "", namespace: "transfer", shards: 1 } });
    expect(read({ at: { shards: 6, runAsUser: 1000 } }).site?.content[0]?.at).toMatchObject({
        ...{ claim: "archives", shards: 6, runAsUser: 1000 },
    });
});

test("what cannot be is named by key, all at once", () => {
    const more = { cluster: { version: "4.18.20" }, transfer: { concurrency: 4, requests: 3 } };
    const registry = { mirrorBase: "localhost:5000/mirror", plainHttp: true, proxy: "environment" };
    expect(messages({ at: { shards: 5 }, archive: "../haul.tar", more, registry })).toEqual(
        expect.arrayContaining([
            "site.content[0].archive: ../haul.tar leads out of the volume; write a path without ..",
            "site.content[0].at.cluster: it needs site.cluster.apply, which is not set; set site.cluster.apply",
            "site.content[0].at.cluster.shards: 5 pods together cannot keep site.transfer.concurrency, which is 4; write 4 or " +
                "less, or raise site.transfer.concurrency",
            "site.content[0].at.cluster.shards: 5 pods together cannot keep site.transfer.requests, which is 3; write 3 or less, " +
                "or raise site.transfer.requests",
            "site.registry.plainHttp: it is for a registry on this machine, and site.content has an archive that is imported " +
                "elsewhere; leave it out, and give the registry a certificate",
            "site.registry.proxy: it is the environment of this machine, and site.content has an archive that is imported " +
                "elsewhere; write the URL of the proxy",
        ]),
    );
    expect(messages({ at: { name: "west" } })).toEqual([
        'site.content[0].at.cluster.name: site.clusters has no "west"; write one of: ""',
    ]);
});

test("signatures are asked of no archive that is elsewhere", () => {
    const content = read().site?.content ?? [];
    const [set] = content;
    if (set === undefined) throw new Error("the site has no set");
    const policies: SignaturePolicy[] = [
        {
            name: "team",
            scopes: ["quay.io/team"],
            publicKey: "key",
            signedIdentity: { matchPolicy: "MatchRepository" },
        },
    ];
    expect(pushSignatures(policies, content, set)).toBeUndefined();
    const { at: _, ...here } = set;
    expect(pushSignatures(policies, [set, here], { lock: "other.lock.json" })?.others).toHaveLength(1);
});

test("the role for imports has the namespaces of a cluster's archives, and is refused where there are none", () => {
    const roles = { cluster: { version: "4.18.20", apply: {}, roles: ["imports"] } };
    const { site, issues } = read({ more: roles });
    expect(issues).toEqual([]);
    expect(importNamespaces(site?.content ?? [], "")).toEqual(["transfer"]);
    expect(importNamespaces(site?.content ?? [], "west")).toEqual([]);
    const content = [{ archive: "/haul.tar", lock: "content/haul.lock.json" }];
    expect(messages({ more: { ...roles, content } })).toEqual([
        "site.cluster.roles: it has imports, and no archive of site.content is imported in this cluster; leave imports out, or " +
            "set site.content[].at.cluster",
    ]);
});
