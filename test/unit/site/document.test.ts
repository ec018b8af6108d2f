import { parseContent, readSite } from "../../../lib/site";

const registry = { type: "distribution", mirrorBase: "registry.example/mirror" };

/** "key: problem; fix" of every issue of a site that is complete but for these values. */
function messages(document: object): string[] {
    const read = () => "";
    const context = { read, now: new Date(), stack: "site-a" };
    return readSite({ registry, ...document }, undefined, context).issues.map(
        ({ key, problem, fix }) => `${key}: ${problem}; ${fix}`,
    );
}

const set = { archive: "a.tar", lock: "a.json" };
const robots = { registry: { ...registry, type: "harbor" } };

test.each([
    [
        { registry: { ...registry, mirrorBase: 5000 } },
        "site.registry.mirrorBase: it is a number (5000), and must be a text; write host",
    ],
    [{ registry: { ...registry, mirrorBase: "" } }, "site.registry.mirrorBase: it is empty; write host"],
    [{ registry: { ...registry, mirrorBase: null } }, "site.registry.mirrorBase: it is empty; write host"],
    [
        { registry: { mirrorBase: registry.mirrorBase } },
        "site.registry.type: it is missing; write one of: distribution, ",
    ],
    [
        { registry: { ...registry, type: "Harbor" } },
        'site.registry.type: it is the text "Harbor", and must be one of distribution, harbor, quay, mirror-registry, jfrog; write harbor',
    ],
    [{ registry: "registry.example" }, "site.registry: it is a text, and must be a group of keys; write registry: {"],
    [
        { registry: { ...registry, ca: ["ca.pem"] } },
        "site.registry.ca: it is a list, and must be a text; give the PEM file",
    ],
    [
        { registry: { ...registry, plainHttp: "yes" } },
        'site.registry.plainHttp: it is the text "yes", and must be true or false; ',
    ],
    [
        { registry: { ...registry, quota: 500 } },
        "site.registry.quota: it is a number (500), and must be a size with its unit, one of MB, ",
    ],
    [
        { upstreams: "quay.io" },
        'site.upstreams: it is the text "quay.io", and must be a list of texts; write a list of hosts',
    ],
    [
        { cluster: { oldRules: ["ImageDigestMirrorSet/idms-generic-0"] } },
        "site.cluster.oldRules: it is a list, and must be names of mirror objects, each with keep or remove; write a map",
    ],
    [{ upstreams: ["quay.io", 5] }, "site.upstreams[1]: it is a number (5), and must be a text; write a list of hosts"],
    [
        { content: set },
        "site.content: it is a group of keys, and must be a list of objects; write a list of {archive, lock}",
    ],
    [
        { content: ["a.tar"] },
        "site.content[0]: it is a text, and must be a group of keys; write a list of {archive, lock}",
    ],
    [
        { content: [{ ...set, archive: 5 }] },
        "site.content[0].archive: it is a number (5), and must be a text, or a list of texts; write a path",
    ],
    [{ content: [{ ...set, archive: [] }] }, "site.content[0].archive: the list is empty; write a path"],
    [
        { content: [{ ...set, archive: ["a.tar", false] }] },
        "site.content[0].archive[1]: it is a boolean (false), and must be a text; write a path",
    ],
    [
        { cluster: { version: 4.2 } },
        'site.cluster.version: it is a number (4.2), and must be a text; write it in quotes, as in "4.20"',
    ],
    [
        { cluster: { contactSource: false } },
        "site.cluster.contactSource: it is a boolean (false), and must be one of allow, never; write allow or never",
    ],
    [
        { cluster: { targets: ["contanerd"] } },
        'site.cluster.targets[0]: it is the text "contanerd", and must be one of ',
    ],
    [{ clusters: ["east"] }, "site.clusters: it is a list, and must be names with the keys of a cluster; write {name"],
    [{ clusters: { east: "4.18" } }, "site.clusters.east: it is a text, and must be a group of keys; write {name"],
    [
        { transfer: { concurrency: 0 } },
        "site.transfer.concurrency: it is a number (0), and must be a whole number from 1 to 64; write",
    ],
    [
        { transfer: { concurrency: 1.5 } },
        "site.transfer.concurrency: it is a number (1.5), and must be a whole number from 1 to 64; write",
    ],
    [
        { transfer: { retrySeconds: "60" } },
        'site.transfer.retrySeconds: it is the text "60", and must be a number from 0 to 3600; write',
    ],
    [
        { ...robots, robots: { puller: { maxAge: 90 } } },
        "site.robots.puller.maxAge: it is a number (90), and must be a number of days with a d, ",
    ],
    [
        { onRemove: "remove" },
        'site.onRemove: it is the text "remove", and must be one of keep, delete; write keep or delete',
    ],
])("a value of a wrong type is reported in words: %j", (document, start) => {
    const [found, ...more] = messages(document);
    expect(found?.slice(0, start.length)).toBe(start);
    expect([found, ...more].join("\n")).not.toMatch(/Invalid|expected|received/);
    expect(more.filter((line) => !line.startsWith("site.content[0].lock: a.json"))).toEqual([]);
});

test("a text that somebody pasted in a wrong place is not shown", () => {
    const key = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----";
    const found = messages({ registry: { ...registry, clientCertificate: key, plainHttp: "canary".repeat(7) } });
    expect(found).toHaveLength(2);
    expect(found.join()).not.toContain("canary");
});

test.each([
    [{ adopt: true }, "site.adopt", "write it as site.registry.adopt or site.cluster.adopt"],
    [{ mirrorbase: "x" }, "site.mirrorbase", "write it as site.registry.mirrorBase"],
    [{ clusters: { east: { targets: [] } } }, "site.clusters.east.targets", "write it as site.cluster.targets"],
    [
        { clusters: { east: { leaveOut: [] } } },
        "site.clusters.east.leaveOut",
        "write it as site.clusters.<name>.apply.leaveOut",
    ],
    [
        { content: [{ ...set, registry: "quay.io" }] },
        "site.content[0].registry",
        "write it as site.registry or site.content[].overrides[].registry",
    ],
    [
        { registry: { ...registry, mirorBase: "x" } },
        "site.registry.mirorBase",
        "write mirrorBase, or use one of: type, mirrorBase, pushHost, ca",
    ],
    [{ clutser: {} }, "site.clutser", "write cluster, or use one of: registry, upstreams, content"],
    [
        { transfer: { Concurrency: 6 } },
        "site.transfer.Concurrency",
        "write concurrency, or use one of: concurrency, requests",
    ],
    [
        { registry: { ...registry, password: "x" } },
        "site.registry.password",
        "it belongs beside site: set it with: npm run pulumi -- config set --secret registryPassword",
    ],
    [
        { registryUsername: "x" },
        "site.registryUsername",
        "it belongs beside site: set it with: npm run pulumi -- config set registryUsername",
    ],
    [
        { registry: { ...registry, insecure: true } },
        "site.registry.insecure",
        "use one of: type, mirrorBase, pushHost, ca",
    ],
])("a key that does not exist is reported with the one that was meant: %j", (document, key, fix) => {
    const found = messages(document).filter((line) => !line.startsWith("site.content[0].lock"));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${key}: there is no such key; ${fix}`);
});

test("a letter of another alphabet in a host or a pattern over names is refused with its code point", () => {
    const host = "qu\u0430y.io";
    const accept = [`${host}/org/*`, "quay.io/org/app"];
    const document = {
        upstreams: [host, "https://me:secret@quay.io/org", "*.quay.io"],
        content: [{ ...set, exclude: ["quay.io/**", `${host}/**`] }],
        cluster: { coverage: { accept } },
    };
    expect(messages(document).filter((line) => !line.includes("not a lock"))).toEqual([
        'site.upstreams[0]: "qu\\u0430y.io" is not a registry host: it has the character U+0430; ' +
            "write it in ASCII, or as punycode (xn--…) if U+0430 is meant",
        'site.upstreams[1]: "<account>@quay.io/org" is not a registry host; write quay.io',
        'site.upstreams[2]: "*.quay.io" is not a registry host; write host or host:port',
        'site.content[0].exclude[1]: "qu\\u0430y.io/**" has the character U+0430, which no name of an image has; ' +
            "write a list of patterns, as in [quay.io/org/app:1.0, registry.redhat.io/rhel9/**]",
        'site.cluster.coverage.accept[0]: "qu\\u0430y.io/org/*" has the character U+0430, which no name of an image has; ' +
            "write a list of patterns, as in [quay.io/org/app:1.0, docker.io/team/**]",
    ]);
});

test("the same lock file in two entries is told as what it is, however its path is written", () => {
    const content = [set, { archive: "b.tar", lock: "./a.json" }, { archive: "c.tar", lock: "other/a.json" }];
    const duplicates = messages({ content }).filter((line) => !line.includes("not a lock"));
    expect(duplicates).toEqual([
        "site.content[1].lock: site.content[0] has the same lock file; " +
            "remove one of the two entries; several archives of one set are a list: archive: […]",
        "site.content[2].lock: two entries have a lock called a; give each set a lock file with a name of its own",
    ]);
});

test("image sets that are read alone have the same words", () => {
    const { issues } = parseContent({ content: [{ archive: 5, lock: "a.json", lok: "b" }] });
    expect(issues.map(({ key, problem }) => `${key}: ${problem}`)).toEqual([
        "site.content[0].archive: it is a number (5), and must be a text, or a list of texts",
        "site.content[0].lok: there is no such key",
    ]);
    const foreign = parseContent({ content: [{ ...set, exclude: ["qu\u0430y.io/**"] }] });
    expect(foreign.issues.map(({ key }) => key)).toEqual(["site.content[0].exclude[0]"]);
});
